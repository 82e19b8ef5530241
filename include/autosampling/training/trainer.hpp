// Trains and evaluates one network, whichever member's state is loaded into it.
//
// Letters: N training examples, K draws a cycle, B batch, D state length.
#pragma once

#include "autosampling/base/random.hpp"
#include "autosampling/data/split.hpp"
#include "autosampling/training/batch_loader.hpp"
#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/learning_rate.hpp"
#include "autosampling/training/options.hpp"
#include "autosampling/training/runtime.hpp"
#include "autosampling/training/score.hpp"
#include "autosampling/training/state.hpp"
#include "autosampling/training/team_exchange.hpp"

#include <c10/core/Device.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

struct TrainerOptions {
    ModelOptions model;
    TrainingOptions training;
    Precision precision = Precision::fp32;
    std::optional<Precision> reward_precision = {}; // of evaluations on the reward part; none: as the others
    at::Device device = at::kCPU;
    Batches batches = Batches::host; // for a GPU one of the others
    bool cuda_graphs = true;         // on a GPU, of what repeats there
    std::uint64_t seed = 0;
    std::int64_t total_batches = 0; // of the run, for the learning rate
    // The ranks that train a member together, each on an equal part of its batches; it outlives the trainer.
    const TeamExchange* team = nullptr; // null: this rank alone
    bool synchronise_statistics = true; // batch norm over the whole batch; else over each rank's part
};

// What each draw of a cycle weighs in the loss of its batch, Σ weight · loss / B.
struct Weighting {
    std::span<float> weight; // (K) empty: all 1, and nothing below is used
    // Called once a batch, with its losses (B), when they are known; may change its weights (B).
    std::function<void(std::span<const float> loss, std::span<float> weight)> reweigh;
};

// One member's part of one cycle.
struct CycleTask {
    std::span<const std::uint32_t> indices; // (K) training indices, in order; K a multiple of B
    std::int64_t first_batch = 0;           // its number in the run
    RandomKey augmentation = {};            // purpose augmentation; the slot is the place in `indices`
    Weighting weighting = {};
    HyperparameterFactors factors = {};
};

struct CycleResult {
    double train_loss = 0;        // mean over the batches of their losses, each before its step
    bool finite = true;           // every batch loss, and the whole state at the end
    std::vector<float> draw_loss; // (K) of each draw before its batch's step, with label smoothing; 0 after a stop
};

// The examples that nothing is trained on.
enum class HeldOut { reward, test };

class Trainer {
  public:
    // The data set and split must outlive it. The state is initialised from the seed. With another of the same
    // arguments it shares the images that lie on the device.
    Trainer(const TrainerOptions& options, const Dataset& dataset, const Split& split, const Trainer* other = nullptr);
    ~Trainer();

    FlatState& state(); // ask anew before each time that something is written to it
    // Puts a member's state into the network. Local.
    void load(const State& state);
    // The state as it is now, a copy on its device.
    State copy_state() const;
    // Gives what the team's first rank has to all of it: the state, the indices (K), and the task but for its
    // weighting. Collective over the team.
    void share(std::span<std::uint32_t> indices, CycleTask& task);
    const LearningRate& learning_rate() const;

    // K / B steps of SGD, as torch.optim.SGD has it (dampening 0). Stops early at a loss that isn't finite, without a
    // team. All ranks of a team give the same task, without weighting; afterwards they have the state of its first.
    // Collective over the team.
    CycleResult train(const CycleTask& task);
    // The same in parts, so that the steps of several trainers can alternate: `step` takes the next one, if any
    // is left, and returns whether there is another. Only the last part has to wait for a GPU. What the task refers to
    // must live until then.
    void start_training(const CycleTask& task);
    bool step();
    CycleResult finish_training();

    // Inference over some held-out examples, in fixed batches of `evaluation_batch`, in the order given; changes
    // nothing. The scores of batches first, first + stride, …, in order. Local.
    std::vector<Score> evaluate(HeldOut part, std::span<const std::uint32_t> examples, std::size_t first,
                                std::size_t stride);
    // The sum over all batches.
    Score evaluate(HeldOut part, std::span<const std::uint32_t> examples);
    // The scores of batches in two parts: where there are many, the first one, too, waits for a GPU now and then.
    void start_evaluation(HeldOut part, std::span<const std::uint32_t> examples, std::size_t first, std::size_t stride);
    std::vector<Score> finish_evaluation();
    // That scores count, 1 in a regression.
    std::size_t classes() const;
    static constexpr std::size_t evaluation_batch = 64;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace autosampling
