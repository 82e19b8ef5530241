// Threads beside the main one.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace autosampling {

// A thread that runs `work` and gets no signals: those are the main thread's.
template<class Work>
std::jthread quiet_thread(Work work) {
    // The new thread inherits the mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::jthread thread(std::move(work));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

} // namespace autosampling
