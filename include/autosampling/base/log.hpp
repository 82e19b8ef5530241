// Log lines: UTC time, rank, level, cycle, one event a line; no colour, no carriage return.
#pragma once

#include "autosampling/base/names.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace autosampling {

enum class LogLevel : int { debug, info, warning, error };
constexpr auto names_of(LogLevel) {
    return std::array{"debug", "info", "warning", "error"};
}

// Writes to standard output (standard error from `warning` on) and, once opened, to a file.
// Rank 0 writes from the set level on, other ranks only from `warning` on. Used from one thread a rank.
class Log {
  public:
    explicit Log(int rank, LogLevel level = LogLevel::info);
    ~Log();
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;

    void set_level(LogLevel level);
    // Appends to this file from now on, too. Throws Error(failure).
    void open(const std::filesystem::path& file);
    // The cycle that lines carry from now on; negative: none.
    void set_cycle(std::int64_t cycle);
    // Whether there is a file, and its path still leads to it.
    bool is_in_place() const;
    // Whether lines of this level are written at all.
    bool writes(LogLevel level) const;

    void debug(const std::string& line) { write(LogLevel::debug, line); }
    void info(const std::string& line) { write(LogLevel::info, line); }
    void warning(const std::string& line) { write(LogLevel::warning, line); }
    void error(const std::string& line) { write(LogLevel::error, line); }
    // What is said otherwise: for the file alone.
    void keep(LogLevel level, const std::string& line);

  private:
    struct Sink;
    void write(LogLevel level, const std::string& line);
    std::string event(LogLevel level, const std::string& line) const;
    std::unique_ptr<Sink> sink_;
};

} // namespace autosampling
