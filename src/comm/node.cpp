#include "autosampling/comm/node.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace autosampling {

NodePlace find_node_place(const Communicator& comm, const Communicator& node) {
    int leader = comm.rank();
    node.broadcast(std::span(&leader, 1), 0);
    const std::vector<int> all = comm.all_gather(std::span<const int>(&leader, 1));
    const std::set<int> leaders(all.begin(), all.end());
    return {.node = static_cast<int>(std::distance(leaders.begin(), leaders.find(leader))),
            .nodes = static_cast<int>(leaders.size()),
            .local_rank = node.rank(),
            .local_size = node.size()};
}

SharedMemory::SharedMemory(const Communicator& node, std::size_t bytes) {
    std::uint64_t size = bytes;
    node.broadcast(std::span(&size, 1), 0);
    std::byte* start = nullptr;
    node.agree([&] {
        // At least a byte, since a window without memory has no address.
        const MPI_Aint mine = node.is_root() ? static_cast<MPI_Aint>(std::max<std::uint64_t>(size, 1)) : 0;
        void* own = nullptr;
        check_mpi(MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, node.raw(), &own, &window_),
                  "MPI_Win_allocate_shared");
        check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
        MPI_Aint length = 0;
        int unit = 0;
        check_mpi(MPI_Win_shared_query(window_, 0, &length, &unit, &start), "MPI_Win_shared_query");
        check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
    });
    bytes_ = {start, size};
}

SharedMemory::~SharedMemory() = default;

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : window_(std::exchange(other.window_, MPI_WIN_NULL)), bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
    std::swap(window_, other.window_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

std::span<std::byte> SharedMemory::bytes() const noexcept {
    return bytes_;
}

void SharedMemory::publish(const Communicator& node) {
    check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
    node.barrier();
    check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
}

void SharedMemory::release() {
    if (window_ == MPI_WIN_NULL) return;
    bytes_ = {};
    check_mpi(MPI_Win_unlock_all(window_), "MPI_Win_unlock_all");
    check_mpi(MPI_Win_free(&window_), "MPI_Win_free");
}

} // namespace autosampling
