// Copies of a data set's files on a disk of the node's own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <vector>

namespace autosampling {

// Copies files in a thread of its own. As long as it lives, no other job copies to the folder or removes from it.
class StagedFiles {
  public:
    // `files` go to `folder`, each into a folder of its own that is named after the file's path, size and time of
    // change. Throws Error(data) where a file isn't there.
    StagedFiles(const std::vector<std::filesystem::path>& files, std::filesystem::path folder);
    ~StagedFiles(); // stops copying
    StagedFiles(const StagedFiles&) = delete;
    StagedFiles& operator=(const StagedFiles&) = delete;

    // Waits for so long at most. Returns whether all copies are there, with the sizes and hashes of the files; those of
    // an earlier job are taken if they hold. Throws Error(failure) where they can't be written, Error(data) where a
    // file can't be read.
    bool wait(std::chrono::milliseconds time);

    std::uint64_t bytes() const { return bytes_; }                             // of all files
    std::uint64_t found() const { return found_; }                             // of these, copied by an earlier job
    std::uint64_t copied() const { return copied_; }                           // of these, copied by this one
    bool is_locked_out() const { return locked_out_; }                         // another job is copying to the folder
    const std::vector<std::filesystem::path>& paths() const { return paths_; } // of the copies, in the files' order

    // Removes the copies that this job has made. Who has opened them can go on reading.
    void remove() const;

  private:
    void work();
    void lock();
    void go_on() const;              // throws where it was stopped
    bool holds(std::size_t i) const; // whether an earlier job's copy does
    void copy(std::size_t i);

    std::vector<std::filesystem::path> files_, paths_;
    std::filesystem::path folder_;
    std::vector<std::uint64_t> sizes_;
    std::vector<bool> is_mine_;
    std::uint64_t bytes_ = 0;
    std::atomic<std::uint64_t> found_ = 0, copied_ = 0;
    std::atomic<bool> stopped_ = false, locked_out_ = false;
    int lock_ = -1;
    std::future<void> working_;
};

} // namespace autosampling
