// What it takes to give one rank's state to all others and to average those of all, beside MPI_Bcast and MPI_Allreduce
// of the same bytes, in turns.
//
//   mpirun -n RANKS exchange_speed [PAIRS] [VALUES]    ->  one line of JSON a pair: seconds of the slowest rank
//
// VALUES: of a state, float32; ResNet-18 with its momentum unless given. The program fails where other bytes arrive.
#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/comm/mpi_environment.hpp"
#include "autosampling/comm/transport.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

namespace {

using namespace autosampling;

constexpr std::size_t resnet18_with_momentum = 2 * 11'173'962;

// Seconds from a barrier until the slowest rank has done `work`. Collective.
template<class Work>
double slowest(const Communicator& comm, Work&& work) {
    comm.barrier();
    const double mine = seconds_of(work);
    const std::vector<double> all = comm.all_gather(std::span(&mine, 1));
    return *std::ranges::max_element(all);
}

class Comparison {
  public:
    Comparison(const Communicator& comm, std::size_t values)
        : comm_(comm), transport_(make_mpi_transport(comm, comm.split_by_node())), state_(values), taken_(values),
          other_(values) {
        for (std::size_t i = 0; i < values; ++i) state_[i] = static_cast<float>((i + to_size(comm.rank())) % 1009);
    }

    // In turns, from another rank every other time.
    void pair(int number) {
        const int source = number / 2 % comm_.size();
        const auto [exchange, broadcast] = in_turns(
            number, [&] { deliver(source); }, [&] { broadcast_by_mpi(source); });
        const bool delivered = comm_.rank() == source || taken_ == other_;
        const auto [average, reduce] = in_turns(
            number, [&] { average_all(); }, [&] { reduce_by_mpi(); });
        const auto ranks = static_cast<float>(comm_.size());
        const bool averaged = std::ranges::equal(
            taken_, other_, [&](float mean, float sum) { return std::abs(mean - sum / ranks) < 1e-3F; });
        comm_.agree([&] {
            VALIDATE(delivered, ExitCode::failure,
                     "another state arrived than by MPI_Bcast (a fault of the transport)");
            VALIDATE(averaged, ExitCode::failure, "the mean isn't that of MPI_Allreduce (a fault of the transport)");
        });
        if (!comm_.is_root()) return;
        std::printf("{\"ranks\": %d, \"bytes\": %zu, \"exchange\": %.6f, \"bcast\": %.6f, \"average\": %.6f, "
                    "\"allreduce\": %.6f}\n",
                    comm_.size(), state_.size() * sizeof(float), exchange, broadcast, average, reduce);
        std::fflush(stdout);
    }

  private:
    // Seconds of ours and of MPI's, each first in every other pair.
    std::array<double, 2> in_turns(int number, const auto& ours, const auto& theirs) const {
        std::array<double, 2> seconds{};
        for (const bool mpi : {number % 2 == 1, number % 2 == 0})
            seconds[mpi] = mpi ? slowest(comm_, theirs) : slowest(comm_, ours);
        return seconds;
    }

    void deliver(int source) {
        Delivery delivery{source, {}, {}, {}};
        for (int rank = 0; rank < comm_.size(); ++rank)
            if (rank != source) delivery.takers.push_back(rank);
        if (comm_.rank() == source)
            delivery.state = state_;
        else
            delivery.destination = taken_;
        transport_->exchange({&delivery, 1});
        transport_->complete();
    }

    void broadcast_by_mpi(int source) {
        float* const values = comm_.rank() == source ? state_.data() : other_.data();
        check_mpi(MPI_Bcast(values, mpi_count(state_.size()), MPI_FLOAT, source, comm_.raw()), "MPI_Bcast");
    }

    void average_all() {
        const std::span<const float> mine = state_;
        transport_->average({&mine, 1}, std::vector<int>(to_size(comm_.size()), 1), taken_);
    }

    void reduce_by_mpi() {
        check_mpi(
            MPI_Allreduce(state_.data(), other_.data(), mpi_count(state_.size()), MPI_FLOAT, MPI_SUM, comm_.raw()),
            "MPI_Allreduce");
    }

    const Communicator& comm_;
    std::unique_ptr<Transport> transport_;
    std::vector<float> state_, taken_, other_;
};

} // namespace

int main(int argc, char** argv) {
    const MpiEnvironment mpi(argc, argv);
    try {
        const Communicator comm(MPI_COMM_WORLD);
        Comparison comparison(comm, argc > 2 ? to_size(std::atol(argv[2])) : resnet18_with_momentum);
        const int pairs = argc > 1 ? std::atoi(argv[1]) : 7;
        for (int number = 0; number < pairs; ++number) comparison.pair(number);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "exchange_speed: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
