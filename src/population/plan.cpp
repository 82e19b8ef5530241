#include "autosampling/population/plan.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/placement.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/sampling/rules.hpp"
#include "autosampling/sampling/timetable.hpp"
#include "autosampling/training/flat_state.hpp"
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

std::int64_t sampling_bytes(const ExplorationOptions& options, std::int64_t training_images) {
    const std::int64_t groups = 8, counts = make_credit(options)->keeps_credits() ? 16 : 4;
    const std::int64_t pool = options.uniform == UniformDraws::lineage ? 8 : 0;
    // A level for each signal, and the losses.
    const std::int64_t policy = options.kind == ExplorationKind::policy ? 2 * std::ssize(options.signals) + 16 : 0;
    return training_images * (groups + counts + pool + policy);
}

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
    plan.state_length = FlatState(*network, torch::kCPU).buffer().numel();

    const int teams = std::max(1, ranks / static_cast<int>(options.population.ranks_per_member));
    // Under `best`: start of the cycle, the one at work, the best so far; else start and end of every member.
    const std::int64_t states_a_rank = options.population.selection == SelectionRule::best && plan.rounds == 0
                                           ? 3
                                           : 1 + 2 * Placement(plan.members, teams).most_members();
    const std::int64_t state_bytes = plan.state_length * 4;
    const std::int64_t sampling =
        sampling_bytes(options.exploration, plan.training_images) + rule_bytes(options.sampling, plan.training_images);
    plan.data_bytes = static_cast<std::int64_t>(data.bytes());
    plan.rank_bytes = states_a_rank * state_bytes + sampling;
    plan.checkpoint_bytes = (plan.rounds > 0 ? plan.members : 1) * state_bytes + sampling;
    const std::int64_t draws_recorded = plan.cycles * survivor_slots(options) * plan.draws;
    plan.loss_bytes = options.record.losses ? draws_recorded * 4 : 0;
    const std::int64_t draw_bytes = options.sampling.rule == Rule::uniform ? 4 : 8; // index and weight
    plan.record_bytes = draws_recorded * draw_bytes + plan.loss_bytes + plan.cycles * plan.members * 78 +
                        plan.rounds * plan.training_images; // the ranks of the losses
    return plan;
}

std::vector<std::string> describe(const Plan& plan, const Options& options) {
    const auto& exploration = options.exploration;
    return {
        text("data        ", options.data.name, ": ", plan.training_images, " training, ", plan.reward_images,
             " reward (", plan.reward_images_per_cycle, " a cycle), ", plan.test_images, " test images, ",
             plan.targets > 0 ? text("regression of ", plan.targets, " numbers") : text(plan.classes, " classes"), "; ",
             bytes_text(plan.data_bytes), " a node"),
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
             static_cast<double>(plan.members * plan.cycles * plan.draws) / static_cast<double>(plan.training_images),
             " member-epochs, ", plan.members * plan.cycles, " reward evaluations"),
        text("memory      ", bytes_text(plan.rank_bytes),
             " a rank for states and sampling, beside LibTorch and the activations"),
        text("files       checkpoint ", bytes_text(plan.checkpoint_bytes), ", record ", bytes_text(plan.record_bytes),
             options.record.losses ? text(" (", bytes_text(plan.loss_bytes), " of it losses)") : "",
             " before compression"),
    };
}

} // namespace autosampling
