// Signals that ask a run to stop: SIGUSR1, SIGTERM, SIGINT (a second one ends it at once), SIGHUP and SIGPIPE (the
// terminal or the reader of the output is gone; unless ignored, as under nohup). From the program's first moment they
// are held back until one of these functions is called.
#pragma once

#include <csignal>

namespace autosampling {

// Catches them from now on. The returned flag is set by the first and never reset.
const volatile std::sig_atomic_t& catch_stop_signals();
// Lets them do what they do to any program.
void release_stop_signals();

} // namespace autosampling
