#include "autosampling/app/stop_signal.hpp"

#include <array>

namespace autosampling {

namespace {

constexpr std::array stop_signals{SIGUSR1, SIGTERM, SIGINT, SIGHUP, SIGPIPE};

volatile std::sig_atomic_t stop = 0;
extern "C" void request_stop(int) {
    stop = 1;
}

void mask_stop_signals(int how) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : stop_signals) sigaddset(&signals, signal);
    sigprocmask(how, &signals, nullptr);
}

// The libraries need a good part of a second to start, and a signal then would end the process: all wait until it is
// known what they are to do. Of all that a program runs, this is the first.
void hold_stop_signals() {
    mask_stop_signals(SIG_BLOCK);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const first)() = hold_stop_signals;

bool is_ignored(int signal) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_IGN;
}

} // namespace

const volatile std::sig_atomic_t& catch_stop_signals() {
    for (const int signal : stop_signals) {
        if ((signal == SIGHUP || signal == SIGPIPE) && is_ignored(signal)) continue; // nohup
        struct sigaction action = {};
        action.sa_handler = request_stop;
        action.sa_flags = SA_RESTART | (signal == SIGINT ? SA_RESETHAND : 0);
        sigaction(signal, &action, nullptr);
    }
    release_stop_signals();
    return stop;
}

void release_stop_signals() {
    mask_stop_signals(SIG_UNBLOCK);
}

} // namespace autosampling
