// A population that is trained, cycle by cycle: the method itself. Read `Population::run_cycle` first.
//
// Letters: P members, N training examples, K draws a cycle, D state length.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/transport.hpp"
#include "autosampling/options/options.hpp"
#include "autosampling/population/exchange.hpp"
#include "autosampling/population/feed.hpp"
#include "autosampling/population/hyperparameters.hpp"
#include "autosampling/population/plan.hpp"
#include "autosampling/population/progress.hpp"
#include "autosampling/population/recorder.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/sampling/sampler.hpp"
#include "autosampling/training/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace autosampling {

class Population {
  public:
    // What it works with; all of it outlives it. `options` resolved, equal on all ranks.
    struct Context {
        Communicator& comm;
        Communicator& team; // the ranks that train members together with this one; the trainer's, too
        const Options& options;
        const Plan& plan;
        Trainer& trainer;
        Sampler& sampler;
        Feed& feed; // the sampler's, but in a replay or with another rule
        Transport& transport;
        Recorder& recorder;
        Progress& progress;
        Log& log;
        std::chrono::steady_clock::time_point began; // of this job, for the wall time
    };

    // A new run: every member starts from the trainer's initial state. Collective.
    explicit Population(const Context& context);
    // Goes on from a checkpoint; its states are read from the run directory by the ranks that need them. Collective.
    Population(const Context& context, const CheckpointIndex& checkpoint, const std::filesystem::path& run);

    // Runs to the last cycle, or to the end of the cycle in which a rank was asked to stop (of its repetition, if no
    // member was finite), and leaves a checkpoint. Returns finished or stopped. Throws Error(failure) when no member
    // was finite in a cycle and all its repetitions. Collective.
    ExitCode run(const volatile std::sig_atomic_t& stop);

    std::int64_t cycles_done() const { return cycle_; }

    // Called after a member was trained, before its reward: for tests that plant faults. (member, cycle, attempt)
    std::function<void(std::int32_t, std::int64_t, int, Trainer&)> after_training;

  private:
    Population(const Context& context, std::int64_t cycle); // nothing to start from yet

    // One cycle: draw, train, evaluate, gather, select, exchange, count, explore, record. Returns whether to stop.
    bool run_cycle(const volatile std::sig_atomic_t& stop);
    bool conclude(std::span<const RankReport> reports);
    std::vector<RankReport> report(bool stop) const;

    // What the members of a cycle came to; the same on every rank.
    struct Trial {
        int attempt = 0;
        std::vector<Outcome> outcomes;   // (P)
        std::vector<RankReport> reports; // by rank
        Selection selection;             // without survivors: asked to stop while no member was finite
    };

    // What all go on from, evaluated: where the members are averaged, or a round ends.
    struct Leader {
        double accuracy = 0, loss = 0;  // on the reward set
        std::vector<double> class_loss; // (classes) mean there; NaN for a class without images
        std::uint64_t hash = 0;
    };

    // Draws, trains, evaluates, gathers and selects, with new draws again while no member is finite.
    Trial try_members(const volatile std::sig_atomic_t& stop);
    bool late() const;
    [[noreturn]] void give_up(int attempt);
    void run_members(int attempt);
    double accuracy_of(const Score& score, std::int64_t correct) const;
    Outcome run_member(std::int32_t member, int attempt);
    HyperparameterFactors factors_of(std::int32_t member) const;
    Weighting weigh(int attempt);
    template<class T>
    std::vector<T> gather_draws(const std::vector<std::int32_t>& members,
                                const std::map<std::int32_t, std::vector<T>>& mine) const;
    Evidence gather_evidence(const Trial& trial) const;
    void explore();
    void record(const Trial& trial, const Evidence& evidence, bool explored);
    void record_round(std::int64_t first_cycle);
    bool closes_round() const;
    double reward(double accuracy, double loss) const {
        return context_.options.population.reward == Reward::loss ? -loss : accuracy;
    }
    State exchange(const Selection& selection, bool everywhere);
    void evaluate_leader(const State& leader);
    void test(const State& leader);
    Snapshot snapshot() const;

    Context context_;
    Placement placement_;
    StateStore store_;
    Hyperparameters hyperparameters_; // the same on every rank
    std::int64_t cycle_ = 0;          // done
    Selection latest_;                // of the last cycle of this job; before it all share a state
    std::vector<Outcome> mine_;       // of this rank's members, this cycle
    std::map<std::int32_t, std::vector<std::uint32_t>> schedules_; // (K) of this rank's members, this cycle
    std::map<std::int32_t, std::vector<float>> draw_losses_;       // (K) likewise
    std::vector<float> draw_weight_;                               // (K) likewise, of a rule's one member
    std::vector<std::uint32_t> reward_examples_;                   // of this cycle
    Leader leader_;                                                // of this cycle
    std::chrono::duration<double> longest_cycle_{0};
};

} // namespace autosampling
