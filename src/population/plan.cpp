#include "autosampling/population/plan.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/memory_use.hpp"
#include "autosampling/record/file_sizes.hpp"
#include "autosampling/sampling/timetable.hpp"
#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"
#include "autosampling/training/script.hpp"

namespace autosampling {

std::uint64_t data_seed(const Options& options) {
    return options.data.seed >= 0 ? static_cast<std::uint64_t>(options.data.seed) : options.run.seed;
}

namespace {

std::int64_t reward_images(const DataOptions& options, const DatasetPlan& data) {
    if (data.reward_examples > 0) return static_cast<std::int64_t>(data.reward_examples);
    if (!options.reward_rows.empty()) return std::ssize(read_reward_rows(options.reward_rows));
    auto images = static_cast<std::int64_t>(data.training_examples);
    if (data.test_examples == 0)
        images -= options.test_images > 0 ? options.test_images : std::max<std::int64_t>(1, images / 10);
    return std::max<std::int64_t>(1, images / 10);
}

// There is no accuracy: members are compared by their losses.
void resolve_regression(Options& options) {
    options.population.reward = Reward::loss;
    VALIDATE(options.exploration.credit_signal != CreditSignal::accuracy, ExitCode::usage,
             "exploration.credit_signal = accuracy needs classes (y is real numbers, a regression): set it to loss");
    VALIDATE(options.training.label_smoothing == 0, ExitCode::usage,
             "training.label_smoothing = ", options.training.label_smoothing,
             " needs classes (y is real numbers, a regression): set it to 0");
    VALIDATE(options.sampling.rule != Rule::class_balanced, ExitCode::usage,
             "sampling.rule = class-balanced needs classes (y is real numbers, a regression): choose another");
}

} // namespace

Options resolve(const Options& options, int ranks, const DatasetPlan& data) {
    Options resolved = options;
    if (options.population.members == 0)
        resolved.population.members = options.exploration.kind == ExplorationKind::none
                                          ? 1
                                          : std::max<std::int64_t>(1, ranks / options.population.ranks_per_member);
    resolved.model.hash = script_hash(options.model.name);
    VALIDATE(options.model.hash.empty() || options.model.hash == resolved.model.hash, ExitCode::usage,
             "model.name = ", options.model.name,
             " is not the network that it was (its hash is another than model.hash): give the file that the run had");
    resolved.data.seed = static_cast<std::int64_t>(data_seed(options));
    if (options.data.reward_images == 0) resolved.data.reward_images = reward_images(options.data, data);
    if (data.facts.is_regression()) resolve_regression(resolved);
    resolved.data.mean = data.facts.mean;
    resolved.data.std = data.facts.std;
    resolved.exploration = resolve(options.exploration);
    resolved.population.selection = selection_of(options);
    if (options.sampling.rule != Rule::uniform) resolved.record.losses = true;
    check_consistency(resolved);
    return resolved;
}

void check_ranks(const Options& options, int ranks, bool resumed) {
    const std::int64_t team = options.population.ranks_per_member;
    if (team == 1) return;
    const std::int64_t members = options.population.members;
    VALIDATE(ranks % team == 0 && members <= ranks / team, ExitCode::usage, "population.ranks_per_member = ", team,
             " needs ", team, " ranks for each of the ", members, " members (there are ", ranks,
             "; several members a rank and several ranks a member exclude each other): start with mpirun -n ",
             members * team,
             resumed || options.replay.mode == ReplayMode::exact ? " (ranks_per_member is the run's)"
                                                                 : ", or set ranks_per_member = 1");
}

namespace {

std::string describe_rounds(const Plan& plan, const ExplorationOptions& options) {
    std::string signals;
    for (const std::string& signal : options.signals) signals += (signals.empty() ? "" : ", ") + signal;
    return text(", signals ", signals, "; ", plan.rounds, " rounds of about ",
                (plan.cycles + plan.rounds - 1) / plan.rounds, " cycles",
                options.thinning ? "" : ", draws with replacement");
}

} // namespace

Plan make_plan(const Options& options, int ranks, const DatasetPlan& data, const Split& split) {
    Plan plan;
    plan.members = options.population.members;
    plan.training_images = std::ssize(split.training.source);
    plan.reward_images = std::ssize(split.reward.source);
    plan.reward_images_per_cycle =
        options.data.reward_images_per_cycle > 0 ? options.data.reward_images_per_cycle : plan.reward_images;
    plan.test_images = std::ssize(split.test.source);
    plan.shape = data.facts.shape;
    plan.classes = data.facts.classes;
    plan.targets = data.facts.targets;
    plan.batches_per_cycle = options.population.cycle_batches;
    plan.draws = options.training.batch_size * plan.batches_per_cycle;
    const Timetable timetable(options.exploration, plan.training_images, plan.draws, plan.batches_per_cycle);
    plan.cycles = timetable.cycles(options.training.epochs);
    plan.rounds = timetable.has_rounds() ? timetable.round(plan.cycles - 1) + 1 : 0;
    plan.total_batches = plan.cycles * plan.batches_per_cycle;

    const auto network = make_network(options.model, data.facts.shape, data.facts.outputs());
    for (const auto& parameter : network->parameters()) plan.parameters += parameter.numel();
    const FlatState state(*network, at::kCPU, LossScale(options.run.precision).tensors());
    plan.state_length = state.buffer().numel();
    plan.gradients = state.gradients().numel();
    const float element = 0;
    plan.state_file_bytes = state_size(std::span(&element, 1), state.layout()) + (plan.state_length - 1) * 4;

    plan.data_bytes = static_cast<std::int64_t>(data.bytes());
    plan.rank_bytes = rank_bytes(options, ranks, plan);
    return plan;
}

std::vector<std::string> describe(const Plan& plan, const Options& options) {
    const auto& exploration = options.exploration;
    return {
        text("data        ", options.data.name, ": ", plan.training_images, " training, ", plan.reward_images,
             " reward (", plan.reward_images_per_cycle, " a cycle), ", plan.test_images, " test images, ",
             plan.targets > 0 ? text("regression of ", plan.targets, " numbers") : text(plan.classes, " classes"),
             "; an example is ", plan.shape, "; ", bytes_text(plan.data_bytes), " a node"),
        text("network     ", options.model.name, ": ", plan.parameters, " parameters, state of ",
             bytes_text(plan.state_length * 4), " a member"),
        text("population  ", plan.members, " members",
             options.population.ranks_per_member > 1
                 ? text(" of ", options.population.ranks_per_member, " ranks each, batch norm over ",
                        options.population.synchronise_statistics ? "all of them" : "each rank's part")
                 : "",
             ", selection ", options.population.selection, ", reward ", options.population.reward,
             options.hyperparameters.explore == Variation::none
                 ? ""
                 : text(", learning rate and weight decay varied by ", options.hyperparameters.explore)),
        text("exploration ", exploration.kind,
             exploration.kind == ExplorationKind::mixture
                 ? text(", credit ", exploration.credit, ", mixing by ", exploration.mixing)
             : exploration.kind == ExplorationKind::policy ? describe_rounds(plan, exploration)
                                                           : "",
             options.sampling.rule == Rule::uniform ? "" : text(", sampling rule ", options.sampling.rule)),
        text("length      ", options.training.epochs, " epochs = ", plan.cycles, " cycles of ", plan.batches_per_cycle,
             " batches of ", options.training.batch_size, " (", plan.draws, " draws a member)"),
        text("cost        ",
             static_cast<double>(plan.members) * static_cast<double>(plan.cycles) * static_cast<double>(plan.draws) /
                 static_cast<double>(plan.training_images),
             " member-epochs, ", plan.members * plan.cycles, " reward evaluations"),
        text("memory      ", bytes_text(plan.rank_bytes),
             " a rank at most for states, sampling and record, beside LibTorch and the activations"),
    };
}

} // namespace autosampling
