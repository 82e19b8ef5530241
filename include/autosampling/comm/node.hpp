// Where a rank sits: its node, its place in it, and memory that the ranks of a node share.
#pragma once

#include "autosampling/comm/communicator.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace autosampling {

struct NodePlace {
    int node = 0;       // number of the node, by lowest rank
    int nodes = 1;      // how many there are
    int local_rank = 0; // of the ranks on this node
    int local_size = 1;
};

// Collective over both; `node` is comm.split_by_node().
NodePlace find_node_place(const Communicator& comm, const Communicator& node);

// Memory that all ranks of a node see, allocated once (MPI shared window). The destructor does not communicate: the
// window is freed by `release`, or with the process.
class SharedMemory {
  public:
    // Collective over `node`. `bytes` counts on the node's rank 0, and is made known to the others.
    SharedMemory(const Communicator& node, std::size_t bytes);
    ~SharedMemory();
    SharedMemory(SharedMemory&&) noexcept;
    SharedMemory& operator=(SharedMemory&&) noexcept;

    std::span<std::byte> bytes() const noexcept;
    // Makes what the node's rank 0 has written visible to all. Collective over `node`.
    void publish(const Communicator& node);
    // Frees the window. Collective over `node`.
    void release();

  private:
    MPI_Win window_ = MPI_WIN_NULL;
    std::span<std::byte> bytes_;
};

} // namespace autosampling
