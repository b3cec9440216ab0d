# Where the release comes from.
package stagegate["supply-chain"]

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Releases come from a commit
# description: In the environments of the parameter clean_environments, what is released was built from a commit, and the tree had no changes beside it.
# custom:
#   id: source_committed
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 CM-3, NIST 800-53r5 SR-4]
#   facts: [run.git.commit, run.git.clean]
#   remedy: Commit all changes and run the pipeline on the commit.
deny contains finding if {
	lib.deploys
	not lib.environment_outside(parameters.clean_environments)
	some finding in lib.findings("source_committed", doubts)
}

doubts contains {"subject": "run.git.commit", "msg": "the commit of the source tree is not known"} if {
	not lib.established(object.get(input, ["run", "git", "commit"], {}))
}

doubts contains {"subject": "run.git.clean", "msg": "the source tree is not known to equal its commit"} if {
	not clean
}

clean if {
	lib.established(input.run.git.clean)
	input.run.git.clean.value == true
}
