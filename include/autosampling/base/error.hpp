// Errors with exit codes, and the contracts VALIDATE (always on), EXPECT and ENSURE (debug builds).
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace autosampling {

// What the process returns to the shell; README.md lists the meanings for users.
enum class ExitCode : int {
    finished = 0,
    failure = 1,
    usage = 2,      // bad command line or configuration
    data = 3,       // bad or missing data
    checkpoint = 4, // no usable checkpoint, one that does not fit, or a run directory that is in use
    timeout = 75,   // a collective timed out
    stopped = 85,   // stopped early with a good checkpoint: submit again
};

// The arguments, streamed one after the other.
template<class... Args>
std::string text(const Args&... args) {
    std::ostringstream out;
    (out << ... << args);
    return out.str();
}

// An error that a user can act on. Message: "problem (why): suggestion".
class Error : public std::runtime_error {
  public:
    Error(ExitCode code, const std::string& message, bool agreed = false)
        : std::runtime_error(message), code_(code), agreed_(agreed) {}

    ExitCode code() const noexcept { return code_; }
    // True when every rank of the communicator throws this same error: then no rank needs to be aborted.
    bool agreed() const noexcept { return agreed_; }

  private:
    ExitCode code_;
    bool agreed_;
};

namespace detail {
[[noreturn]] inline void broken_contract(const char* kind, const char* condition, const char* file, int line) {
    throw std::logic_error(text(kind, " failed: ", condition, " at ", file, ":", line));
}
} // namespace detail

} // namespace autosampling

// For all that comes from outside (options, files, message sizes): VALIDATE(ok, ExitCode::data, "problem", …).
#define VALIDATE(condition, code, ...)                                                                                 \
    do {                                                                                                               \
        if (!(condition)) throw ::autosampling::Error((code), ::autosampling::text(__VA_ARGS__));                      \
    } while (false)

// For our own mistakes.
#ifdef AUTOSAMPLING_CONTRACTS
#define AUTOSAMPLING_CONTRACT(kind, condition)                                                                         \
    do {                                                                                                               \
        if (!(condition)) ::autosampling::detail::broken_contract(kind, #condition, __FILE__, __LINE__);               \
    } while (false)
#else
#define AUTOSAMPLING_CONTRACT(kind, condition)                                                                         \
    do {                                                                                                               \
        (void)sizeof(!(condition));                                                                                    \
    } while (false)
#endif
#define EXPECT(condition) AUTOSAMPLING_CONTRACT("EXPECT", condition)
#define ENSURE(condition) AUTOSAMPLING_CONTRACT("ENSURE", condition)
