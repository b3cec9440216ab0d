// Package pluginhost finds, verifies, launches and supervises plugins. It
// implements engine.Plugins, and it is the only package of core that knows how
// a plugin is run: nothing of go-plugin shows outside.
//
// go-plugin is trusted with the handshake and the broker alone. What it leaves
// open when things break is owned here: the process tree and how it is ended,
// a deadline on every call, heartbeats on streams, bounds on everything that a
// plugin sends, and the words with which it died.
//
// There is one process per plugin. It is started when it is first needed and
// shared by all stages; when it dies, the stages in flight fail and the next
// one gets a fresh process. No pid is ever killed by its number alone: a
// process belongs to this runner when the cookie in its environment says so.
package pluginhost
