// Package approval is the voice of a person about a plan: a statement signed
// with an SSH key, in the format of ssh-keygen -Y sign, and the count of those
// that agree. Where statements are kept is not trusted: every one is verified
// when it is counted, against the operator's file of allowed signers.
package approval
