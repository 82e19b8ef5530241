// A population that is trained, cycle by cycle: the method itself. Read `Population::run_cycle` first.
//
// Letters: P members, N training examples, K draws a cycle, D state length.
#pragma once

#include "autosampling/population/context.hpp"
#include "autosampling/population/exchange.hpp"
#include "autosampling/population/hyperparameters.hpp"
#include "autosampling/population/members.hpp"
#include "autosampling/population/rounds.hpp"
#include "autosampling/population/selection.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace autosampling {

class Population {
  public:
    // A new run: every member starts from the trainer's initial state. Collective.
    explicit Population(const Context& context);
    // Goes on from a checkpoint; its states are read from the run directory by the ranks that need them. Collective.
    Population(const Context& context, const CheckpointIndex& checkpoint, const std::filesystem::path& run);

    // Runs to the last cycle, or to the end of the cycle in which a rank was asked to stop (of its repetition, if no
    // member was finite), and leaves a checkpoint. Returns finished or stopped. Throws Error(failure) when no member
    // was finite in a cycle and all its repetitions. Collective.
    ExitCode run(const volatile std::sig_atomic_t& stop);

    Population(const Population&) = delete; // its members refer to it
    Population& operator=(const Population&) = delete;

  private:
    Population(const Context& context, std::int64_t cycle); // nothing to start from yet

    // One cycle: draw, train, evaluate, gather, select, exchange, count, explore, record. Returns whether to stop.
    bool run_cycle(const volatile std::sig_atomic_t& stop);
    bool conclude(std::span<const RankReport> reports);
    std::vector<RankReport> report(bool stop) const;

    // What the members of a cycle came to; the same on every rank.
    struct Trial {
        std::uint8_t attempt = 0;
        std::vector<Outcome> outcomes;   // (P)
        std::vector<RankReport> reports; // by rank
        Selection selection;             // without survivors: asked to stop while no member was finite
    };

    // Draws, trains, evaluates, gathers and selects, with new draws again while no member is finite.
    Trial try_members(const volatile std::sig_atomic_t& stop);
    void warn_of_lost(std::span<const Outcome> outcomes);
    bool late() const;
    [[noreturn]] void give_up(std::uint8_t attempt);
    Evidence gather_evidence(const Trial& trial);
    void explore();
    CycleRow make_row(const Trial& trial, const Evidence& evidence, bool explored, std::uint64_t state_hash);
    void complete_exchange();
    void close(CycleRow row);
    void record_round(std::int64_t first_cycle);
    bool closes_round() const;
    State exchange(const Selection& selection, bool everywhere);
    void evaluate_leader(const State& leader);
    std::uint64_t hash_leader(const Selection& selection);
    void test(const State& leader);
    Snapshot snapshot() const;

    Context context_;
    Placement placement_;
    StateStore store_;
    Hyperparameters hyperparameters_; // the same on every rank
    Members members_;
    std::int64_t cycle_ = 0;  // done
    Selection latest_;        // of the last cycle of this job; before it all share a state
    Leader leader_;           // of this cycle
    std::set<int> told_lost_; // ranks
    std::chrono::duration<double> longest_cycle_{0};

    // Where this rank's time has gone since the end of the last cycle, in seconds.
    struct Times {
        std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
        double gather = 0, exchange = 0, record = 0;
    };
    Times times_;
};

} // namespace autosampling
