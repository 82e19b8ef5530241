#include "mpi_average.hpp"

#include "autosampling/base/narrow.hpp"
#include "shares.hpp"

#include <numeric>
#include <vector>

namespace autosampling {
namespace {

constexpr int tag = 1; // as the exchange's first: never under way at the same time

} // namespace

void average_by_messages(const Communicator& comm, std::span<const std::span<const float>> mine,
                         std::span<const int> given, std::span<float> result) {
    const int me = comm.rank();
    const auto share = [ranks = comm.size()](auto state, int rank) { return share_of(state, rank, ranks); };

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
    mean_of(parts, own);

    std::vector<int> counts, offsets;
    for (int rank = 0; rank < comm.size(); ++rank) {
        offsets.push_back(mpi_count(share_begin(result.size(), rank, comm.size())));
        counts.push_back(mpi_count(share(result, rank).size()));
    }
    MPI_Request gather = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, result.data(), counts.data(), offsets.data(),
                              MPI_FLOAT, comm.raw(), &gather),
              "MPI_Iallgatherv");
    comm.wait({&gather, 1}, "average");
}

} // namespace autosampling
