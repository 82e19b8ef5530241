#include "autosampling/base/log.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace autosampling {
namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

// One write a line, so that the lines of several ranks do not mix.
void put(std::FILE* file, const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), file);
    std::fflush(file);
}

} // namespace

struct Log::Sink {
    int rank;
    LogLevel level;
    std::int64_t cycle = -1;
    std::filesystem::path path{};
    std::unique_ptr<std::FILE, CloseFile> file{};
};

Log::Log(int rank, LogLevel level) : sink_(std::make_unique<Sink>(Sink{rank, level})) {}
Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::set_level(LogLevel level) {
    sink_->level = level;
}

void Log::open(const std::filesystem::path& file) {
    sink_->path = file;
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK; // a pipe would wait
    const int descriptor = ::open(file.c_str(), flags, 0666);
    const char* other = errno == ELOOP ? "it is a symbolic link" : errno == ENXIO ? "it is a pipe" : nullptr;
    VALIDATE(descriptor >= 0, ExitCode::failure, "cannot open the log ", file.string(), " (",
             other ? other : std::strerror(errno), "): ", other ? "remove it" : "check the folder's permissions");
    sink_->file.reset(::fdopen(descriptor, "a"));
}

void Log::set_cycle(std::int64_t cycle) {
    sink_->cycle = cycle;
}

bool Log::is_in_place() const {
    struct stat open {
    }, there{};
    return sink_->file && ::fstat(::fileno(sink_->file.get()), &open) == 0 &&
           ::stat(sink_->path.c_str(), &there) == 0 && open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

bool Log::writes(LogLevel level) const {
    return level >= (sink_->rank == 0 ? sink_->level : std::max(sink_->level, LogLevel::warning));
}

void Log::keep(LogLevel level, const std::string& line) {
    if (sink_->file) put(sink_->file.get(), event(level, line));
}

std::string Log::event(LogLevel level, const std::string& line) const {
    std::string event = text(utc_now(), " rank ", sink_->rank, " ", name_of(level));
    if (sink_->cycle >= 0) event += text(" cycle ", sink_->cycle);
    event += ": " + line;
    std::replace_if(
        event.begin(), event.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return event + '\n';
}

void Log::write(LogLevel level, const std::string& line) {
    if (!writes(level)) return;
    const std::string words = event(level, line);
    put(level >= LogLevel::warning ? stderr : stdout, words);
    if (sink_->file) put(sink_->file.get(), words);
}

} // namespace autosampling
