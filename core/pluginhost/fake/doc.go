// Package fake is a set of plugins for tests that do what the configuration
// says, misbehaviour included. Register Commands with testscript, or call Main
// from a TestMain, and put the binaries where the runner looks for plugins.
//
// Plugin fake is made with the SDK.
//
//	stage "s" {
//	  uses = "fake.step"                  # a builder
//	  with {                              # everything is optional, in this order
//	    artifact   = stage.x.artifact     # read, so that it must exist
//	    started    = "/tmp/started"       # path: written once the stage runs
//	    stdout     = "hello\n"            # written to the stage's output
//	    stderr     = "oops\n"
//	    emit_bytes = 1000000              # as many bytes of output, in lines of 100
//	    secret     = "token"              # resolves the secret and prints it
//	    escape     = "/tmp/pid"           # starts a process that leaves the session,
//	                                      # ignores SIGTERM and holds the plugin's
//	                                      # pipes; path: its pid
//	    wait_for   = "/tmp/go"            # path: waits until it exists, or is stopped
//	    fault      = "crash"              # crash: exits with 3 and last words
//	                                      # kill: dies by SIGKILL
//	                                      # panic: panics in the component
//	                                      # hang: ignores that it is stopped
//	                                      # freeze: stops the process by SIGSTOP
//	    fail       = "no luck"            # fails with this summary
//	    fail_times = 2                    # transient failure of the first attempts
//	    content    = "bytes"              # stored as a blob: the artifact
//	    value      = "text"               # given back as the output
//	    inputs     = ["src/**"]           # files that the result depends on, and no
//	                                      # others: it may come from the cache
//	    file       = "out/x"              # written with content, and part of the result
//	    shared     = true                 # others write that file too
//	  }
//	}
//
// The outputs of fake.step are value (string) and artifact.
//
//	uses = "fake.check"                   # a tester
//	with {
//	  metrics = { accuracy = 0.97 }       # reported
//	  min     = { accuracy = 0.9 }        # thresholds; one missed fails the stage
//	}
//
//	uses = "fake.policy"                  # a policy
//	with {
//	  verdict = "deny"                    # pass (default), deny, error, or crash
//	  message = "because"                 # of the violation
//	}
//
//	uses = "fake.deploy"                  # a deployer: it writes a file
//	with {
//	  file    = "/tmp/deployed"           # where
//	  content = "v1"                      # what
//	  cluster = "/tmp/cluster"            # path: what it holds when the plan is
//	                                      # made is part of the plan
//	  fault   = "crash_after_handle"      # dies between the handle and the file
//	                                      # no_plan: cannot make a plan
//	  log     = "/tmp/log"                # appends a line to this file instead
//	  line    = "v1"                      # which; default: the file
//	  wait_for = "/tmp/ready"             # path: the rollout goes on until it exists
//	}
//
// Its outputs are file and token, which is sensitive.
//
//	uses = "fake.effect"                  # a builder that must not run twice
//	uses = "fake.note"                    # one that may
//	with {
//	  log      = "/tmp/log"               # a line is appended to this file
//	  line     = "x"                      # which; default: the stage's name
//	  content  = "bytes"                  # stored as a blob: the artifact
//	  wait_for = "/tmp/go"                # path: waits until it exists, after that
//	}
//
// Their outputs are value, token, which is sensitive, and artifact.
//
// Plugin rogue speaks the protocol without the SDK, and breaks it:
//
//	uses = "rogue.step"                   # a builder
//	with { fault = "wrong_sequence" }     # see Faults
//
// The other plugins never get that far: see Commands.
package fake
