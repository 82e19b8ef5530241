// The run directory: who may write into it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace autosampling {

class DirectoryLock;

enum class Opening { fresh, resume, overwrite };

// Holds a run directory for one job: makes it, and keeps a lock file in it that a second job refuses to pass.
// Removes what a job that was killed had begun to write.
// Refuses, with Error(usage): without resume or overwrite, a directory in which something is but a run that failed
// before it had recorded anything; overwrite of a directory that is no run (nothing but a run's own files is ever
// removed). With Error(checkpoint): resume without a run; a directory that another job holds.
class RunDirectory {
  public:
    RunDirectory(const std::filesystem::path& path, Opening opening);
    ~RunDirectory(); // gives the lock back
    RunDirectory(const RunDirectory&) = delete;
    RunDirectory& operator=(const RunDirectory&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

    // Whether the directory at the path is still the one that is held: it isn't once it was removed or replaced.
    bool still_ours() const;
    // Throws Error(checkpoint) where it isn't, and says what is left of this job's results.
    void require() const;
    // What the user should know of the lock; mostly empty.
    const std::string& warning() const;

  private:
    std::filesystem::path path_;
    std::unique_ptr<DirectoryLock> lock_;
};

} // namespace autosampling
