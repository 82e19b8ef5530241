#include "autosampling/app/stop_signal.hpp"

#include <initializer_list>

namespace autosampling {

namespace {
volatile std::sig_atomic_t stop = 0;
extern "C" void request_stop(int) {
    stop = 1;
}
} // namespace

const volatile std::sig_atomic_t& catch_stop_signals() {
    for (const int signal : {SIGUSR1, SIGTERM, SIGINT}) {
        struct sigaction action = {};
        action.sa_handler = request_stop;
        action.sa_flags = SA_RESTART | (signal == SIGINT ? SA_RESETHAND : 0);
        sigaction(signal, &action, nullptr);
    }
    return stop;
}

} // namespace autosampling
