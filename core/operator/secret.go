package operator

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/secret"
)

// maxCommandTimeout bounds what the operator may allow a secret's command.
const maxCommandTimeout = 10 * time.Minute

type fileSecret struct {
	Name    string     `hcl:"name,label"`
	Env     string     `hcl:"env,optional"`
	File    string     `hcl:"file,optional"`
	Command []string   `hcl:"command,optional"`
	PassEnv []string   `hcl:"pass_env,optional"`
	Timeout string     `hcl:"timeout,optional"`
	Age     *ageFile   `hcl:"age,block"`
	Sops    *sopsFile  `hcl:"sops,block"`
	Allow   *fileScope `hcl:"allow,block"`
	Range   hcl.Range  `hcl:",def_range"`
}

type ageFile struct {
	File         string    `hcl:"file"`
	IdentityFile string    `hcl:"identity_file"`
	Range        hcl.Range `hcl:",def_range"`
}

type sopsFile struct {
	File         string    `hcl:"file"`
	Key          []string  `hcl:"key,optional"`
	IdentityFile string    `hcl:"identity_file"`
	Range        hcl.Range `hcl:",def_range"`
}

func (c *Config) takeSecrets(in []fileSecret, diags *diag.List) {
	for _, s := range in {
		if _, taken := c.Secrets[s.Name]; taken {
			diags.Append(s.Range.Ptr(), "Duplicate secret", fmt.Sprintf("There is another secret %q.", s.Name))
		}
		c.Secrets[s.Name] = s.source(diags)
		if s.Allow != nil {
			c.Scopes[s.Name] = s.Allow.take(diags)
		}
	}
}

// source checks one block.
func (s fileSecret) source(diags *diag.List) secret.Source {
	out := secret.Source{Env: s.Env, File: s.File}
	given := 0
	for _, is := range []bool{s.Env != "", s.File != "", s.Command != nil, s.Age != nil, s.Sops != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		diags.Append(s.Range.Ptr(), "One source for each secret",
			"Write one of: env, the name of a variable of the runner; file, the path of a file that only the runner can read; command, a program that prints it; a block age or sops, for an encrypted file.")
		return out
	}
	if s.File != "" {
		wholePath(s.File, "file", s.Range, diags)
	}
	if s.Command == nil && (s.PassEnv != nil || s.Timeout != "") {
		diags.Append(s.Range.Ptr(), "Only for a command", "pass_env and timeout say how a secret's command runs, and this secret has none.")
	}
	switch {
	case s.Command != nil:
		out.Command = s.command(diags)
	case s.Age != nil:
		wholePath(s.Age.File, "file", s.Age.Range, diags)
		wholePath(s.Age.IdentityFile, "identity_file", s.Age.Range, diags)
		out.Age = &secret.Age{File: s.Age.File, IdentityFile: s.Age.IdentityFile}
	case s.Sops != nil:
		wholePath(s.Sops.File, "file", s.Sops.Range, diags)
		wholePath(s.Sops.IdentityFile, "identity_file", s.Sops.Range, diags)
		out.Sops = &secret.Sops{File: s.Sops.File, Key: s.Sops.Key, IdentityFile: s.Sops.IdentityFile}
	}
	return out
}

func (s fileSecret) command(diags *diag.List) *secret.Command {
	if len(s.Command) == 0 || s.Command[0] == "" {
		diags.Append(s.Range.Ptr(), "Command without a program", `Write the program and its arguments, each as a text of its own, for example ["vault", "kv", "get", "-field=token", "secret/ci"].`)
	}
	out := &secret.Command{Args: s.Command, PassEnv: s.PassEnv}
	for _, name := range s.PassEnv {
		if !isVariable(name) {
			diags.Append(s.Range.Ptr(), "Not the name of a variable", fmt.Sprintf("%q cannot be the name of an environment variable.", name))
		}
	}
	if s.Timeout == "" {
		return out
	}
	timeout, err := time.ParseDuration(s.Timeout)
	if err != nil || timeout < time.Second || timeout > maxCommandTimeout {
		diags.Append(s.Range.Ptr(), "Timeout of a secret out of range", fmt.Sprintf("timeout is %q; write a duration from 1s to 10m.", s.Timeout))
	}
	out.Timeout = timeout
	return out
}

// wholePath refuses a path that depends on where the runner is started.
func wholePath(path, argument string, at hcl.Range, diags *diag.List) {
	if !filepath.IsAbs(path) {
		diags.Append(at.Ptr(), "Path is not absolute", fmt.Sprintf("Write the whole path of the secret's %s.", argument))
	}
}
