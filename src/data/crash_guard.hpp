// HDF5 can crash on damaged files (seen with 1.10.8).
#pragma once

#include <array>
#include <csignal>
#include <filesystem>
#include <string>

namespace autosampling::detail {

// As long as it lives, a crash ends the process with the exit code of bad data, and a message that names the file. They
// may be nested; one thread at a time.
class CrashGuard {
  public:
    explicit CrashGuard(const std::filesystem::path& path);
    ~CrashGuard();
    CrashGuard(const CrashGuard&) = delete;
    CrashGuard& operator=(const CrashGuard&) = delete;

  private:
    static constexpr std::array signals{SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    static void say_and_exit(int);

    std::string message_;
    const CrashGuard* outer_;
    std::array<struct sigaction, signals.size()> before_{};
};

} // namespace autosampling::detail
