#include "mpi_average.hpp"

#include "autosampling/base/narrow.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace autosampling {
namespace {

constexpr int tag = 1; // as the exchange's first: never under way at the same time

// Where each rank's share of a state begins, and, at last, where the last one
// ends.
std::vector<std::size_t> share_bounds(std::size_t length, int ranks) {
    std::vector<std::size_t> bounds;
    for (std::size_t rank = 0; rank <= to_size(ranks); ++rank) bounds.push_back(length * rank / to_size(ranks));
    return bounds;
}

// The mean, place by place, of parts of equal length, added up in their order:
// in double precision, so that equal parts have themselves as their mean.
void average(std::span<const std::span<const float>> parts, std::span<float> result) {
    std::array<double, 4096> sum; // a block at a time stays in the cache
    for (std::size_t first = 0; first < result.size(); first += sum.size()) {
        const std::size_t length = std::min(sum.size(), result.size() - first);
        std::fill_n(sum.begin(), length, 0.0);
        for (const auto part : parts)
            for (std::size_t i = 0; i < length; ++i) sum[i] += static_cast<double>(part[first + i]);
        for (std::size_t i = 0; i < length; ++i)
            result[first + i] = static_cast<float>(sum[i] / static_cast<double>(parts.size()));
    }
}

} // namespace

void average_by_messages(const Communicator& comm, std::span<const std::span<const float>> mine,
                         std::span<const int> given, std::span<float> result) {
    const int me = comm.rank();
    const std::vector<std::size_t> bounds = share_bounds(result.size(), comm.size());
    const auto share = [&](auto state, int rank) {
        const auto r = to_size(rank);
        return state.subspan(bounds[r], bounds[r + 1] - bounds[r]);
    };

    // Everybody's part of my share comes here, in the order of the ranks, and on
    // each in that of its states.
    const auto own = share(result, me);
    std::vector<std::vector<float>> received;
    received.reserve(to_size(std::accumulate(given.begin(), given.end(), 0)));
    std::vector<std::span<const float>> parts;
    std::vector<MPI_Request> requests;
    for (int rank = 0; rank < comm.size(); ++rank)
        for (int i = 0; i < given[to_size(rank)]; ++i) {
            if (rank == me) {
                parts.push_back(share(mine[to_size(i)], me));
                continue;
            }
            auto& buffer = received.emplace_back(own.size());
            parts.push_back(buffer);
            check_mpi(MPI_Irecv(buffer.data(), mpi_count(buffer.size()), MPI_FLOAT, rank, tag, comm.raw(),
                                &requests.emplace_back(MPI_REQUEST_NULL)),
                      "MPI_Irecv");
        }
    for (int step = 1; step < comm.size(); ++step) { // each rank begins with another
        const int rank = (me + step) % comm.size();
        for (const auto state : mine) {
            const auto part = share(state, rank);
            check_mpi(MPI_Isend(part.data(), mpi_count(part.size()), MPI_FLOAT, rank, tag, comm.raw(),
                                &requests.emplace_back(MPI_REQUEST_NULL)),
                      "MPI_Isend");
        }
    }
    comm.wait(requests, "average");
    average(parts, own);

    std::vector<int> counts, offsets;
    for (std::size_t rank = 0; rank + 1 < bounds.size(); ++rank) {
        offsets.push_back(mpi_count(bounds[rank]));
        counts.push_back(mpi_count(bounds[rank + 1] - bounds[rank]));
    }
    MPI_Request gather = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, result.data(), counts.data(), offsets.data(),
                              MPI_FLOAT, comm.raw(), &gather),
              "MPI_Iallgatherv");
    comm.wait({&gather, 1}, "average");
}

} // namespace autosampling
