// Package sample holds what an evaluation measured item by item, for as many
// items as an evaluation has: in columns, some thirty bytes an item. Items are
// known by a key, so that two evaluations of the same items can be compared
// pair by pair, in whatever order their files have them.
package sample
