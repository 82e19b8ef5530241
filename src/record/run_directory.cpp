#include "autosampling/record/run_directory.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/file.h>
#include <unistd.h>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = ".lock";

// What a run makes. The lock file stays: another job may have it open.
bool is_own(const fs::path& name) {
    static const std::array<fs::path, 8> own{"config.toml", "run.log",    "record",       "checkpoint",
                                             "run.h5",      "history.h5", "summary.json", lock_name};
    return std::find(own.begin(), own.end(), name.extension() == ".tmp" ? name.stem() : name) != own.end();
}

bool is_run(const fs::path& path) {
    return fs::exists(path / "config.toml") && fs::is_directory(path / "record");
}

void refuse_unfit(const fs::path& path, Opening opening) {
    if (opening == Opening::resume) {
        VALIDATE(fs::exists(path / "config.toml"), ExitCode::checkpoint, "no run was begun in ", path.string(),
                 " (it has no config.toml): give the directory of one, or start one without --resume");
        return;
    }
    if (!fs::exists(path)) return;
    VALIDATE(fs::is_directory(path), ExitCode::usage, path.string(), " is no directory: give another --output");
    bool empty = true, foreign = !fs::exists(path / lock_name); // a run begins with its lock
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        const fs::path name = entry.path().filename();
        empty = empty && name == lock_name;
        foreign = foreign || !is_own(name);
    }
    foreign = foreign && !fs::is_empty(path);
    VALIDATE(opening != Opening::fresh || empty, ExitCode::usage, path.string(),
             " is not empty: use --resume to go on, --overwrite to start again");
    VALIDATE(!foreign || is_run(path), ExitCode::usage, path.string(),
             " is no run directory (it holds other files): give another --output, nothing was removed");
}

// Locks are the kernel's, so that one is gone with its job, however that ends.
int lock(const fs::path& path) {
    const fs::path file = path / lock_name;
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    VALIDATE(descriptor >= 0, ExitCode::failure, "cannot open ", file.string(), " (", std::strerror(errno),
             "): check the permissions of the directory");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
    const int error = errno;
    ::close(descriptor);
    VALIDATE(error == EWOULDBLOCK, ExitCode::failure, "cannot lock ", file.string(), " (", std::strerror(error),
             "): use a file system that has locks");
    std::string holder;
    std::getline(std::ifstream(file), holder);
    throw Error(ExitCode::checkpoint, text("another job holds ", path.string(), " (", holder,
                                           "): wait for its end or give another --output"));
}

void remove_own(const fs::path& path) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        const fs::path name = entry.path().filename();
        if (is_own(name) && name != lock_name) fs::remove_all(entry.path());
    }
}

} // namespace

RunDirectory::RunDirectory(const fs::path& path, Opening opening) : path_(path) {
    refuse_unfit(path, opening);
    fs::create_directories(path);
    lock_ = lock(path);
    try {
        refuse_unfit(path, opening); // another job may have come first
        if (opening == Opening::overwrite) remove_own(path);
        std::ofstream(path / lock_name) << "host " << host_name() << ", process " << ::getpid() << ", since "
                                        << utc_now() << '\n';
    } catch (...) {
        ::close(lock_);
        throw;
    }
}

RunDirectory::~RunDirectory() {
    ::close(lock_);
}

} // namespace autosampling
