// Package load sends requests at the pace that was asked for, and counts what
// becomes of them. It knows neither HTTP nor configurations.
//
// Each request has a time at which it is due, whatever became of those before it,
// and its latency counts from there: a server that stalls is measured by all who
// would have waited. A closed loop, which sends the next request when it has the
// answer to the last, would send none while the server stalls, and measure one.
package load
