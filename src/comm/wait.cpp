// Waiting with a time-out, and finding out whom for.
//
// A rank whose time is up reports to rank 0 and waits for its verdict. Rank 0, when its own time is up or a report
// comes in, asks every rank; those that wait in the same communicator report at once, and the others are the silent
// ones.
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "communicator_state.hpp"

#include <algorithm>
#include <thread>

namespace autosampling {
namespace {

using Seconds = std::chrono::duration<double>;

enum ReportTag : int { inquiry, report, verdict };

constexpr Seconds spin{50e-6};
constexpr Seconds longest_pause{1e-3};
constexpr Seconds longest_grace{5.0};

// Long enough for the operation to notice little of it, and never so short that waiting ranks keep a core busy.
void pause(Seconds waited) {
    if (waited < spin)
        std::this_thread::yield();
    else
        std::this_thread::sleep_for(std::min(longest_pause, waited / 16));
}

// The text of a waiting message with this tag on `comm`, if there is one; its source in `source`.
bool receive(MPI_Comm comm, int tag, int& source, std::string& content) {
    int there = 0;
    MPI_Status status;
    check_mpi(MPI_Iprobe(source, tag, comm, &there, &status), "MPI_Iprobe");
    if (there == 0) return false;
    int length = 0;
    check_mpi(MPI_Get_count(&status, MPI_CHAR, &length), "MPI_Get_count");
    content.resize(to_size(length));
    source = status.MPI_SOURCE;
    check_mpi(MPI_Recv(content.data(), length, MPI_CHAR, source, tag, comm, MPI_STATUS_IGNORE), "MPI_Recv");
    return true;
}

std::string place_in_run(const auto& state, const std::string& operation) {
    return state.cycle < 0 ? operation : text(operation, " of cycle ", state.cycle);
}

} // namespace

// One wait of one rank.
class Communicator::Waiter {
  public:
    Waiter(const Communicator& comm, const char* operation)
        : comm_(comm), state_(*comm.state_), operation_(operation) {}

    // Throws Error(timeout).
    void until(const std::function<bool()>& done) {
        while (!done()) {
            const Seconds waited = Clock::now() - start_;
            pause(waited);
            if (waited < spin) continue;
            if (waited > state_.timeout || asked()) give_up();
        }
    }

  private:
    // Rank 0: somebody's time is up. Others: rank 0 wants to know who waits. The message is left where it is.
    bool asked() const {
        int there = 0;
        const int tag = state_.rank == 0 ? report : inquiry;
        check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, tag, state_.reports, &there, MPI_STATUS_IGNORE), "MPI_Iprobe");
        return there != 0;
    }

    [[noreturn]] void give_up() {
        state_.timed_out = true;
        throw Error(ExitCode::timeout, state_.rank == 0 ? judge() : ask_for_verdict());
    }

    // The ranks that answer rank 0 do so within a few pauses.
    Seconds grace() const { return std::min(state_.timeout / 2, longest_grace); }

    void send(const std::string& content, int to, int tag) {
        const std::string& kept = state_.sent_reports.emplace_back(content);
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Isend(kept.data(), mpi_count(kept.size()), MPI_CHAR, to, tag, state_.reports, &request),
                  "MPI_Isend");
        check_mpi(MPI_Request_free(&request), "MPI_Request_free");
    }

    // Rank 0: asks all ranks, names those that are silent, and tells the others.
    std::string judge() {
        const auto ranks = to_size(state_.size);
        std::vector<std::string> waits_in(ranks); // by rank; empty: silent
        waits_in[0] = operation_;
        for (int rank = 1; rank < state_.size; ++rank) send("", rank, inquiry);
        const auto end = Clock::now() + grace();
        for (std::size_t answers = 1; answers < ranks && Clock::now() < end;) {
            int source = MPI_ANY_SOURCE;
            std::string operation;
            if (receive(state_.reports, report, source, operation)) {
                waits_in[to_size(source)] = operation;
                ++answers;
            } else {
                std::this_thread::sleep_for(longest_pause);
            }
        }
        const std::string message = describe(waits_in);
        for (int rank = 1; rank < state_.size; ++rank)
            if (!waits_in[to_size(rank)].empty()) send(message, rank, verdict);
        return message;
    }

    std::string ask_for_verdict() {
        send(operation_, 0, report);
        const auto end = Clock::now() + 2 * grace();
        while (Clock::now() < end) {
            int source = 0;
            std::string message;
            if (receive(state_.reports, verdict, source, message)) return message;
            std::this_thread::sleep_for(longest_pause);
        }
        std::vector<std::string> waits_in(to_size(state_.size), operation_);
        waits_in[0].clear();
        return describe(waits_in);
    }

    // By the operation in which each rank of the communicator waits, empty for a silent one.
    std::string describe(const std::vector<std::string>& waits_in) const {
        std::string silent;
        std::string elsewhere;
        for (std::size_t rank = 0; rank < waits_in.size(); ++rank)
            if (waits_in[rank].empty())
                silent += (silent.empty() ? "" : ", ") + comm_.name_of(narrow<int>(rank));
            else if (waits_in[rank] != operation_)
                elsewhere += text(", ", comm_.name_of(narrow<int>(rank)), " waits in ", waits_in[rank]);
        return text("time-out after ", state_.timeout.count(), " s in ", place_in_run(state_, operation_), " (",
                    silent.empty() ? "no rank is silent" : "silent: " + silent, elsewhere,
                    "): see what those ranks last wrote, or raise run.collective_timeout");
    }

    const Communicator& comm_;
    State& state_;
    std::string operation_;
    Clock::time_point start_ = Clock::now();
};

std::string Communicator::place_of(const char* operation) const {
    return place_in_run(*state_, operation);
}

void Communicator::wait_until(const std::function<bool()>& done, const char* operation) const {
    Waiter(*this, operation).until(done);
}

void Communicator::wait(std::span<MPI_Request> requests, const char* operation) const {
    wait_until(
        [&] {
            // Waits for one at a time: MPI_Testall would say of an error only that some status has it.
            while (!requests.empty()) {
                int done = 0;
                check_mpi(MPI_Test(&requests.front(), &done, MPI_STATUS_IGNORE), operation);
                if (done == 0) return false;
                requests = requests.subspan(1);
            }
            return true;
        },
        operation);
}

} // namespace autosampling
