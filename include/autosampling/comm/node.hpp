// Where a rank sits: its node, its place in it, and memory that the ranks of a node share.
#pragma once

#include "autosampling/comm/communicator.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

// Where memory that ranks share may lie, the best first: /dev/shm, and the folder of temporary files (TMPDIR).
std::vector<std::filesystem::path> shared_memory_folders();

// Memory that all ranks of a node see: a file that is mapped by all and has no name any more, in the first of the
// folders that has room for it. Where none has, each rank has a copy.
class SharedMemory {
  public:
    // Collective over `node`; what counts is given on the node's rank 0, and its error says most. Throws Error(failure)
    // without memory.
    SharedMemory(const Communicator& node, std::size_t bytes,
                 const std::vector<std::filesystem::path>& folders = shared_memory_folders());
    ~SharedMemory(); // unmaps
    SharedMemory(SharedMemory&&) noexcept;
    SharedMemory& operator=(SharedMemory&&) noexcept;

    std::span<std::byte> bytes() const noexcept { return bytes_; }
    // Whether all ranks of the node see the same bytes, else each has its own.
    bool is_shared() const noexcept { return mapped_ > 0; }
    // Where it is instead of the first folder, and why; empty if it is there. On the node's rank 0.
    const std::string& remark() const { return remark_; }
    // Makes what the node's rank 0 has written visible to all. Collective over `node`.
    void publish(const Communicator& node);

  private:
    std::span<std::byte> bytes_;
    std::size_t mapped_ = 0; // bytes
    std::unique_ptr<std::byte[]> copy_;
    std::string remark_;
};

} // namespace autosampling
