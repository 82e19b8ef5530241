// Signals that ask the program to stop at the end of the cycle.
#pragma once

#include <csignal>

namespace autosampling {

// From now on SIGUSR1, SIGTERM and SIGINT only set the flag that is returned; a second SIGINT ends the process.
const volatile std::sig_atomic_t& catch_stop_signals();

} // namespace autosampling
