#include "directory_lock.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/job.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = ".lock";
constexpr const char* exclusive_name = ".lock.held";

struct Holder {
    std::string host;
    long process = 0;
    unsigned long long start = 0; // of the process, in ticks since the host came up: a number may be given again
    std::string job = "none";     // of the batch system
    int restart = 0;              // how often it was requeued
};

// When a process of this host began; nothing for one that isn't there or has ended.
std::optional<unsigned long long> start_of(long process) {
    std::ifstream in(text("/proc/", process, "/stat"));
    std::string line;
    if (!std::getline(in, line)) return std::nullopt;
    std::istringstream fields(line.substr(line.rfind(')') + 1)); // from the third on
    std::string state, field;
    fields >> state;
    for (int number = 4; number < 22; ++number) fields >> field;
    unsigned long long start = 0;
    fields >> start;
    return state == "Z" || state == "X" ? std::nullopt : std::optional(start);
}

Holder this_process() {
    Holder self{host_name(), ::getpid(), start_of(::getpid()).value_or(0)};
    if (const std::string job = batch_job(); !job.empty()) self.job = job;
    if (const char* restart = std::getenv("SLURM_RESTART_COUNT")) self.restart = std::atoi(restart);
    return self;
}

std::string describe(const Holder& holder) {
    return text("host ", holder.host, ", process ", holder.process, ", start ", holder.start, ", job ", holder.job,
                ", restart ", holder.restart, ", since ", utc_now());
}

std::optional<Holder> parse(const std::string& line) {
    std::array<char, 256> host{}, job{};
    Holder holder;
    if (std::sscanf(line.c_str(), "host %255[^,], process %ld, start %llu, job %255[^,], restart %d", host.data(),
                    &holder.process, &holder.start, job.data(), &holder.restart) != 5)
        return std::nullopt;
    holder.host = host.data();
    holder.job = job.data();
    return holder;
}

bool is_surely_dead(const Holder& holder) {
    const Holder self = this_process();
    if (holder.host == self.host) return start_of(holder.process) != holder.start;
    return holder.job != "none" && holder.job == self.job && holder.restart < self.restart;
}

std::string first_line(const fs::path& file) {
    std::string line;
    std::getline(std::ifstream(file), line);
    return line;
}

[[noreturn]] void refuse_held(const fs::path& directory, const std::string& holder, const std::string& hint = "") {
    throw Error(ExitCode::checkpoint,
                text("another job holds ", directory.string(), " (", holder.empty() ? "it has not said which" : holder,
                     "): wait for its end or take another directory", hint));
}

[[noreturn]] void refuse_unlockable(const char* what, const fs::path& file, int error) {
    if (error == ELOOP)
        throw Error(ExitCode::failure, file.string() + " is a symbolic link (what is written would go elsewhere): "
                                                       "remove it, or take another directory");
    throw Error(ExitCode::failure, text("cannot ", what, " ", file.string(), " (", std::strerror(error), "): ",
                                        error == EACCES || error == EPERM || error == EROFS
                                            ? "you may not write there; ask the directory's owner, or take another one"
                                            : "check the directory and its file system"));
}

// What flock says on file systems that don't have it: NFS without a lock daemon, Lustre without -o flock, FUSE.
bool lacks_locks(int error) {
    constexpr int kernel_not_supported = 524; // ENOTSUPP, which some file systems let through
    return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == kernel_not_supported;
}

// Makes the file, or throws where its maker may live.
int make_exclusive(const fs::path& directory, const fs::path& file) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0) return descriptor;
        if (errno != EEXIST) refuse_unlockable("make", file, errno);
        const std::string said = first_line(file);
        const std::optional<Holder> holder = parse(said);
        if (!holder || !is_surely_dead(*holder))
            refuse_held(directory, said, "; if that job has ended, remove " + file.string());
        // Only one of several takers renames what it has read.
        const fs::path dead = fs::path(file) += text(".", ::getpid());
        if (::rename(file.c_str(), dead.c_str()) != 0) continue;
        const bool other = first_line(dead) != said;
        if (other) (void)!::link(dead.c_str(), file.c_str()); // another taker was faster: back with its file
        ::unlink(dead.c_str());
    }
    refuse_held(directory, first_line(file));
}

// Whether what is open lies at the path.
bool is_same(int descriptor, const fs::path& path) {
    struct stat held {
    }, there{};
    return ::fstat(descriptor, &held) == 0 && ::stat(path.c_str(), &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino && held.st_nlink > 0;
}

} // namespace

bool DirectoryLock::is_lock(const fs::path& name) {
    return name == lock_name || name == exclusive_name;
}

DirectoryLock::DirectoryLock(const fs::path& directory) : file_(directory / lock_name) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0) refuse_unlockable("open", file_, errno);
    directory_ = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::close(descriptor_);
        if (error == EWOULDBLOCK) refuse_held(directory, first_line(file_));
        if (!lacks_locks(error)) refuse_unlockable("lock", file_, error);
        file_ = directory / exclusive_name;
        descriptor_ = make_exclusive(directory, file_);
        exclusive_ = true;
        warning_ = text(directory.string(), " is on a file system without locks (", std::strerror(error),
                        "): ", file_.string(),
                        " keeps other jobs out; should this one be killed, a job on another host "
                        "can't tell and asks for its removal");
    }
    // For those who are refused. On a full disk it can't be said, which harms nobody.
    const std::string holder = describe(this_process()) + '\n';
    if (::ftruncate(descriptor_, 0) == 0) (void)!::pwrite(descriptor_, holder.data(), holder.size(), 0);
    ::fsync(descriptor_);
}

DirectoryLock::~DirectoryLock() {
    if (exclusive_ && still_ours()) ::unlink(file_.c_str());
    ::close(descriptor_);
    ::close(directory_);
}

bool DirectoryLock::still_ours() const {
    return is_same(descriptor_, file_);
}

bool DirectoryLock::is_removed() const {
    struct stat held {};
    return ::fstat(descriptor_, &held) == 0 && held.st_nlink == 0;
}

fs::path DirectoryLock::place() const {
    std::error_code unknown;
    const fs::path now = fs::read_symlink(text("/proc/self/fd/", directory_), unknown);
    return unknown || !is_same(directory_, now) ? fs::path() : now;
}

} // namespace autosampling
