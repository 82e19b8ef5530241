#include "autosampling/base/error.hpp"
#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/data/dataset.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/sampling/signals.hpp"
#include "autosampling/training/runtime.hpp"
#include "autosampling/training/script.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace autosampling {

namespace {

template<class... Words>
void require(bool condition, const Words&... words) {
    VALIDATE(condition, ExitCode::usage, words...);
}

void check_data(const DataOptions& data) {
    require(!is_read_from_files(data.name) || !data.path.empty(), "data.path is missing (data.name = ", data.name,
            " is read from files): give the folder that holds them, for instance by --set data.path=FOLDER");
    require(data.reward_images == 0 || data.reward_images_per_cycle <= data.reward_images,
            "data.reward_images_per_cycle = ", data.reward_images_per_cycle, " is more than the ", data.reward_images,
            " reward images");
}

void check_training(const TrainingOptions& training) {
    require(!training.nesterov || training.momentum > 0,
            "training.nesterov is true (training.momentum is 0): give a momentum, or nesterov = false");
    require(training.schedule != RateSchedule::one_cycle || training.warmup_epochs == 0, "training.warmup_epochs is ",
            training.warmup_epochs, " (schedule = one-cycle has its own warm-up): set it to 0");
    require(training.warmup_epochs < training.epochs, "training.warmup_epochs is ", training.warmup_epochs,
            " (training.epochs is ", training.epochs, "): give a warm-up that is shorter than the run");
    if (training.schedule != RateSchedule::step) return;
    require(!training.milestones.empty(),
            "training.milestones is empty (schedule = step changes the rate there): give some, or schedule = constant");
    require(std::ranges::adjacent_find(training.milestones, std::greater_equal{}) == training.milestones.end(),
            "training.milestones don't ascend (each is one more step in time): give them in order, each once");
}

void check_population(const PopulationOptions& population, std::int64_t batch_size) {
    require(batch_size % population.ranks_per_member == 0,
            "population.ranks_per_member = ", population.ranks_per_member, " can't share batches of ", batch_size,
            " images equally: choose a training.batch_size that it divides");
    require(population.members_at_once == 1 || population.ranks_per_member == 1,
            "population.members_at_once = ", population.members_at_once, " is for members on one rank each, and ",
            "population.ranks_per_member = ", population.ranks_per_member, ": set one of them to 1");
    require(population.members == 0 || population.selection != SelectionRule::top_k ||
                population.survivors <= population.members,
            "population.survivors = ", population.survivors, " is more than the ", population.members,
            " members: lower it, or raise population.members");
    require(population.members != 1 || population.selection != SelectionRule::mean,
            "population.selection = mean averages members, and there is one: set population.members = 2 or more, or "
            "another selection");
}

// Refuses what GPUs alone have.
void check_cpu(const Options& options) {
    if (options.run.device != Device::cpu) return;
    choose_transport(std::array<GpuFacts, 1>{}, options.population.transport);
    check_precisions(options, at::kCPU);
}

void check_model(const ModelOptions& model, const PopulationOptions& population) {
    require(!is_script(model.name) || population.members_at_once == 1,
            "population.members_at_once = ", population.members_at_once,
            " is for networks whose steps a GPU can record, not ", model.name, ": set it to 1");
    require(!is_script(model.name) || population.ranks_per_member == 1 || !population.synchronise_statistics,
            "population.synchronise_statistics is true (batch norm inside ", model.name,
            " goes by each rank's part of a batch): set it to false");
}

void check_exploration(const ExplorationOptions& exploration, const PopulationOptions& population) {
    require(exploration.kind != ExplorationKind::none || population.members <= 1,
            "exploration.kind = none trains one member, not population.members = ", population.members,
            ": set population.members = 1, or kind = random for a population that draws uniformly");
    require(population.selection != SelectionRule::mean || exploration.kind != ExplorationKind::mixture ||
                exploration.credit != Credit::winner,
            "exploration.credit = winner learns from the winners' draws, and population.selection = mean has no "
            "winners: set credit = advantage, or another selection");
    require(exploration.uniform != UniformDraws::lineage || population.selection == SelectionRule::best,
            "exploration.uniform = lineage needs one line of survivors: set population.selection = best");
    require(exploration.interval_epochs == 0 || exploration.interval_cycles == 0,
            "exploration.interval_epochs = ", exploration.interval_epochs,
            " and exploration.interval_cycles = ", exploration.interval_cycles,
            " exclude each other (both say when to explore): set one of them to 0");
    const auto goes_with = [&](const char* key, std::int64_t cycles, Counts counts) {
        require((cycles > 0) == (exploration.counts == counts), "exploration.", key, " is ", cycles,
                " (exploration.counts is ", exploration.counts, "): ", key, " of at least 1 and counts = ", counts,
                " go together");
    };
    goes_with("window_cycles", exploration.window_cycles, Counts::window);
    goes_with("half_life_cycles", exploration.half_life_cycles, Counts::decay);
}

void check_sampling(const Options& options) {
    const Rule rule = options.sampling.rule;
    if (rule == Rule::uniform) return;
    require(options.population.ranks_per_member == 1, "sampling.rule = ", rule,
            " goes by whole batches, and population.ranks_per_member = ", options.population.ranks_per_member,
            " splits them: train the member on one rank");
    require(options.exploration.kind == ExplorationKind::none, "sampling.rule = ", rule,
            " draws for one member, without exploration (exploration.kind is ", options.exploration.kind,
            "): set exploration.kind = none, or rule = uniform");
    require(options.exploration.uniform == UniformDraws::member, "sampling.rule = ", rule,
            " does not go with exploration.uniform = ", options.exploration.uniform,
            " (it may draw an image twice): set uniform = member");
}

void check_hyperparameters(const Options& options) {
    const HyperparameterOptions& hyper = options.hyperparameters;
    require(!hyper.factors.empty(), "hyperparameters.factors is empty: give what to multiply by, such as [0.8, 1.2]");
    const auto check_range = [](const char* key, const std::vector<double>& range) {
        require(range.size() == 2 && range[0] <= range[1], "hyperparameters.", key,
                " must be two numbers in order: give the lowest and the highest factor, such as [0.1, 10]");
        require(range[0] <= 1 && range[1] >= 1, "hyperparameters.", key, " is ", range[0], " to ", range[1],
                " (without 1, which is [training]'s own value): choose training.learning_rate and weight_decay within "
                "the range");
    };
    check_range("learning_rate_range", hyper.learning_rate_range);
    check_range("weight_decay_range", hyper.weight_decay_range);
    if (hyper.explore == Variation::none) return;
    require(options.population.selection != SelectionRule::mean, "hyperparameters.explore = ", hyper.explore,
            " keeps what winners have, and population.selection = mean has none: set explore = none, or another "
            "selection");
    const ExplorationKind kind = options.exploration.kind;
    require(hyper.interval_cycles > 0 || kind == ExplorationKind::mixture || kind == ExplorationKind::policy,
            "hyperparameters.interval_cycles is 0 (vary them where the sampling distribution is re-estimated), but "
            "exploration.kind = ",
            kind, " never does that: give the interval in cycles");
    const PopulationOptions& population = options.population;
    require(hyper.explore == Variation::resample ||
                (population.members != 1 && population.selection != SelectionRule::none),
            "hyperparameters.explore = factor varies what a member takes from another, and here none does "
            "(population.members is ",
            population.members, ", selection ", population.selection,
            "): choose resample, more members or another selection");
}

void check_record(const Options& options) {
    require(!options.record.losses || options.population.selection != SelectionRule::mean,
            "record.losses is of the survivors' recorded draws, and population.selection = mean records none (they can "
            "be drawn again): set losses = false, or another selection");
}

void check_replay(const ReplayOptions& replay) {
    require(replay.cycle < 0 || replay.mode == ReplayMode::fixed, "replay.cycle is ", replay.cycle, " (replay.mode is ",
            replay.mode, "): only a static replay takes the distribution of a cycle");
}

// A policy is searched for by comparing members; a replay's one follows what was found.
void check_policy(const Options& options) {
    const ExplorationOptions& exploration = options.exploration;
    if (exploration.kind != ExplorationKind::policy) return;
    require(options.population.members != 1 || options.replay.mode == ReplayMode::policy,
            "exploration.kind = policy compares members, and there is one: set population.members = 2 or more, or "
            "replay what a run has learned by --policy");
    const std::vector<std::string> columns = columns_of(exploration.signals);
    require(columns.empty() || !options.data.signals.empty(),
            "data.signals is missing (exploration.signals has \"column:", columns.empty() ? "" : columns.front(),
            "\"): give the HDF5 file that holds it");
    require(std::ranges::find(exploration.signals, "score") == exploration.signals.end() ||
                exploration.credit == Credit::advantage,
            "exploration.signals has \"score\" (the score is advantage credit's, and exploration.credit is ",
            exploration.credit, "): set credit = advantage, or leave it out");
}

} // namespace

SelectionRule selection_of(const Options& options) {
    if (options.population.selection != SelectionRule::automatic) return options.population.selection;
    return options.exploration.kind == ExplorationKind::policy ? SelectionRule::mean : SelectionRule::best;
}

Precision reward_precision_of(const Options& options) {
    switch (options.population.reward_precision) {
    case RewardPrecision::fp32:
        return Precision::fp32;
    case RewardPrecision::bf16:
        return Precision::bf16;
    case RewardPrecision::fp16:
        return Precision::fp16;
    case RewardPrecision::automatic:
        break;
    }
    return options.run.precision;
}

void check_precisions(const Options& options, const at::Device& device) {
    check_precision("run.precision", options.run.precision, device);
    check_precision("population.reward_precision", reward_precision_of(options), device);
}

void check_consistency(const Options& asked) {
    Options options = asked;
    options.population.selection = selection_of(asked);
    check_policy(options);
    check_data(options.data);
    check_training(options.training);
    check_population(options.population, options.training.batch_size);
    check_cpu(options);
    check_model(options.model, options.population);
    check_exploration(options.exploration, options.population);
    check_sampling(options);
    check_hyperparameters(options);
    check_record(options);
    check_replay(options.replay);
}

} // namespace autosampling
