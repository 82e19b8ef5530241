#include "autosampling/population/prepare.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/data/columns.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/disk_use.hpp"
#include "autosampling/population/doubts.hpp"
#include "autosampling/population/initial_weights.hpp"
#include "autosampling/population/launch.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/runtime.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace autosampling {

Prepared prepare(const Options& options, int ranks, const DatasetPlan& data_plan, const Dataset& data) {
    Prepared prepared{options, split_dataset(data, options.data, data_seed(options)), {}, {}};
    prepared.plan = make_plan(options, ranks, data_plan, prepared.split);
    if (options.exploration.kind == ExplorationKind::policy)
        prepared.columns =
            read_columns(options.data.signals, columns_of(options.exploration.signals),
                         data_plan.training_examples - (options.data.train_on_reward ? 0 : data_plan.reward_examples),
                         prepared.split.training.source);
    return prepared;
}

namespace {

// With a member a rank, as many members as the selection needs to make sense.
std::int64_t members_to_plan_for(const Options& options) {
    const PopulationOptions& population = options.population;
    if (population.members > 0) return population.members;
    if (options.exploration.kind == ExplorationKind::none) return 1;
    return population.selection == SelectionRule::top_k ? population.survivors + 1 : 2;
}

std::vector<std::byte> read_data(const DatasetPlan& plan) {
    std::vector<std::byte> memory;
    try {
        memory.resize(plan.bytes());
    } catch (const std::exception&) { // length_error, bad_alloc
        throw Error(ExitCode::data, text("no memory for the data set (", plan.bytes() / 1'000'000,
                                         " MB, once a node): take a smaller one, or a larger node"));
    }
    load_dataset(plan, memory);
    return memory;
}

void try_initial_weights(const ModelOptions& model, const DatasetPlan& data) {
    if (model.init.empty()) return;
    const auto network = make_network(model, data.facts.shape, data.facts.outputs());
    FlatState state(*network, at::kCPU);
    load_initial_weights(state, model);
}

std::string describe_policy(const Prepared& prepared) {
    const Policy policy =
        make_policy(prepared.options, prepared.split.training.label, prepared.plan.classes, prepared.columns);
    std::string names;
    for (const std::string& name : policy.signals().weight_names()) names += (names.empty() ? "" : ", ") + name;
    return text("policy      ", counted(std::ssize(policy.search().weight()), "weight"), ": ", names);
}

} // namespace

std::vector<std::string> check_run(const Options& asked, const CostQuestion& cost) {
    check_device(asked.run.device);
    const std::optional<AbsentData> absent =
        cost.without_data ? std::optional<AbsentData>(std::in_place, asked.data, *cost.without_data) : std::nullopt;
    const DatasetPlan data = absent ? absent->plan() : plan_dataset(asked.data, data_seed(asked));
    const bool one_a_rank = asked.population.members == 0 && asked.exploration.kind != ExplorationKind::none;
    const std::int64_t members = members_to_plan_for(asked), ranks_each = asked.population.ranks_per_member;
    const int ranks = asked.population.members > 0 && ranks_each == 1 ? 1 : narrow<int>(members * ranks_each);
    const Options options = resolve(asked, ranks, data);
    const std::vector<std::byte> memory = absent ? std::vector<std::byte>() : read_data(data);
    const Dataset dataset = absent ? absent->dataset() : view_dataset(data, memory);
    const Prepared prepared = prepare(options, ranks, data, dataset);
    try_initial_weights(options.model, data);

    std::vector<std::string> lines;
    if (one_a_rank)
        lines.push_back(text("population.members is 0 (one a rank): this is the plan for ", members, " members"));
    for (std::string& line : describe(prepared.plan, options)) lines.push_back(std::move(line));
    if (options.exploration.kind == ExplorationKind::policy) lines.push_back(describe_policy(prepared));
    const DiskUse use = estimate_disk_use(prepared, data, foreseen_launch(options.run, ranks));
    lines.push_back(describe(use, options));
    lines.push_back("disk        " + (options.run.output.empty() ? bytes_text(use.most_bytes()) + " wanted"
                                                                 : room_text(options.run.output, use.most_bytes())));
    if (cost.measure)
        lines.push_back(
            describe(options, prepared.plan, measure_speed(options, prepared.plan, dataset, prepared.split)));
    else if (cost.rate > 0)
        lines.push_back(describe(options, prepared.plan, speed_at(cost.rate, options)));
    for (const std::string& warning : data.warnings) lines.push_back("warning     " + warning);
    for (const std::string& doubt : doubts(prepared)) lines.push_back("warning     " + doubt);
    for (const std::string& unused : unused_options(asked)) lines.push_back("no effect   " + unused);
    if (absent)
        lines.push_back(text("reads       nothing: this is the plan for ", data.training_examples, " training and ",
                             data.test_examples, " test examples of ", data.facts.classes, " classes"));
    for (const auto& file : data.files) lines.push_back("reads       " + file.string());
    if (!prepared.columns.empty()) lines.push_back("reads       " + options.data.signals);
    if (!options.data.stage.empty() && !data.files.empty()) {
        std::int64_t bytes = 0;
        for (const auto& file : data.files) bytes += static_cast<std::int64_t>(std::filesystem::file_size(file));
        lines.push_back(text("stages      ", bytes_text(bytes), " in ", options.data.stage, ", on each node"));
    }
    return lines;
}

} // namespace autosampling
