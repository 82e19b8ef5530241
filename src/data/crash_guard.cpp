#include "crash_guard.hpp"

#include "autosampling/base/error.hpp"

#include <unistd.h>
#include <utility>

namespace autosampling::detail {

namespace {

const CrashGuard* volatile innermost = nullptr; // for the handler, which is given nothing else

} // namespace

CrashGuard::CrashGuard(const std::filesystem::path& path)
    : message_(text("autosampling: ", path.string(),
                    ": HDF5 crashes when it reads this file (it is damaged): write it again\n")),
      outer_(std::exchange(innermost, this)) {
    for (std::size_t i = 0; i < signals.size(); ++i) {
        struct sigaction action = {};
        action.sa_handler = say_and_exit;
        sigaction(signals[i], &action, &before_[i]);
    }
}

CrashGuard::~CrashGuard() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
    innermost = outer_;
}

void CrashGuard::say_and_exit(int) {
    const std::string& message = innermost->message_;
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
    ::_exit(static_cast<int>(ExitCode::data));
}

} // namespace autosampling::detail
