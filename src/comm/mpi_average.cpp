#include "mpi_average.hpp"

#include "autosampling/base/narrow.hpp"
#include "shares.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace autosampling {
namespace {

constexpr int tag = 1; // as the exchange's first: never under way at the same time; one more for the means
constexpr std::size_t piece_length = std::size_t{1}
                                     << 16; // values: 256 KiB, which are in the cache when they are added
constexpr std::size_t window = 4;           // pieces on their way at once, so that nobody waits in turns

// Everybody's parts of this rank's share come here piece by piece, and each piece's mean goes to everybody.
class Averaging {
  public:
    Averaging(const Communicator& comm, std::span<const std::span<const float>> mine, std::span<const int> given,
              std::span<float> result)
        : comm_(comm), mine_(mine), given_(given), result_(result), own_(share(result, comm.rank())) {
        for (int step = 1; step < comm.size(); ++step) slot_ += to_size(given[to_size(other(step))]);
        slot_ *= std::min(piece_length, own_.size());
        buffer_.resize(slot_ * std::min(window, pieces_of(own_.size(), piece_length)));
    }

    void run() {
        for (int step = 1; step < comm_.size(); ++step) expect_means(other(step));
        const std::size_t pieces =
            pieces_of((result_.size() + to_size(comm_.size()) - 1) / to_size(comm_.size()), piece_length);
        for (std::size_t piece = 0; piece < std::min(window, pieces); ++piece) start(piece);
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            finish(piece);
            start(piece + window);
        }
        comm_.wait(requests_, "average");
    }

  private:
    template<class T>
    std::span<T> share(std::span<T> state, int rank) const {
        return share_of(state, rank, comm_.size());
    }
    // Each rank begins with another one.
    int other(int step) const { return (comm_.rank() + step) % comm_.size(); }

    void expect(std::span<float> values, int rank, int with, std::vector<MPI_Request>& requests) const {
        check_mpi(MPI_Irecv(values.data(), mpi_count(values.size()), MPI_FLOAT, rank, with, comm_.raw(),
                            &requests.emplace_back(MPI_REQUEST_NULL)),
                  "MPI_Irecv");
    }
    void send(std::span<const float> values, int rank, int with) {
        check_mpi(MPI_Isend(values.data(), mpi_count(values.size()), MPI_FLOAT, rank, with, comm_.raw(),
                            &requests_.emplace_back(MPI_REQUEST_NULL)),
                  "MPI_Isend");
    }

    void expect_means(int rank) {
        const std::span<float> theirs = share(result_, rank);
        for (std::size_t piece = 0; piece < pieces_of(theirs.size(), piece_length); ++piece)
            expect(piece_of(theirs, piece, piece_length), rank, tag + 1, requests_);
    }

    // The messages of one piece of every share.
    void start(std::size_t piece) {
        auto& [parts, requests] = pieces_[piece % window];
        parts.clear();
        if (const std::size_t length = piece_of(own_, piece, piece_length).size(); length > 0) {
            float* free = buffer_.data() + piece % window * slot_;
            for (int rank = 0; rank < comm_.size(); ++rank)
                for (int i = 0; i < given_[to_size(rank)]; ++i) { // in the order of the sum
                    if (rank == comm_.rank()) {
                        parts.push_back(piece_of(share(mine_[to_size(i)], rank), piece, piece_length));
                        continue;
                    }
                    expect({free, length}, rank, tag, requests);
                    parts.emplace_back(free, length);
                    free += length;
                }
        }
        for (int step = 1; step < comm_.size(); ++step)
            for (const auto state : mine_)
                if (const auto part = piece_of(share(state, other(step)), piece, piece_length); !part.empty())
                    send(part, other(step), tag);
    }

    void finish(std::size_t piece) {
        const std::span<float> mean = piece_of(own_, piece, piece_length);
        if (mean.empty()) return;
        auto& [parts, requests] = pieces_[piece % window];
        comm_.wait(requests, "average");
        requests.clear();
        mean_of(parts, mean);
        for (int step = 1; step < comm_.size(); ++step) send(mean, other(step), tag + 1);
    }

    struct Piece {
        std::vector<std::span<const float>> parts;
        std::vector<MPI_Request> requests;
    };

    const Communicator& comm_;
    std::span<const std::span<const float>> mine_;
    std::span<const int> given_;
    std::span<float> result_, own_;
    std::size_t slot_ = 0;      // values that come for one piece
    std::vector<float> buffer_; // of the pieces on their way
    std::array<Piece, window> pieces_;
    std::vector<MPI_Request> requests_; // of all that is sent, and of others' means
};

} // namespace

void average_by_messages(const Communicator& comm, std::span<const std::span<const float>> mine,
                         std::span<const int> given, std::span<float> result) {
    Averaging(comm, mine, given, result).run();
}

} // namespace autosampling
