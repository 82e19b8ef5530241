// The lock of a run directory: the kernel's where the file system has such locks, else a file that only one can make.
#pragma once

#include <filesystem>
#include <string>

namespace autosampling {

// Held from construction to destruction. Throws Error(checkpoint) where another job holds the directory, and
// Error(failure) where it can't be locked at all.
//
// RUN/.lock is locked by flock, so that the lock is gone with its job, however that ends. Where flock isn't to be had,
// RUN/.lock.held is made by its holder and removed at the end. One whose holder is surely dead is taken over: a process
// of this host that is gone, or this very batch job before it was requeued. Both name their holder.
class DirectoryLock {
  public:
    explicit DirectoryLock(const std::filesystem::path& directory);
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

    // Whether the lock at the path is the one that is held: it isn't once the directory was removed or replaced.
    bool still_ours() const;
    // Whether the lock that is held was removed.
    bool is_removed() const;
    // Where the locked directory lies now; empty where that can't be known.
    std::filesystem::path place() const;
    // What is to be said where flock isn't to be had; else empty.
    const std::string& warning() const noexcept { return warning_; }

    // The names of its files.
    static bool is_lock(const std::filesystem::path& name);

  private:
    std::filesystem::path file_; // the one that is held
    int descriptor_ = -1;
    int directory_ = -1;     // to find it again, wherever it is moved
    bool exclusive_ = false; // file_ is there as long as it is held
    std::string warning_;
};

} // namespace autosampling
