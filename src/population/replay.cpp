#include "autosampling/population/replay.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/population/recount.hpp"

#include <algorithm>

namespace autosampling {

namespace {

// The distribution as it was learned from the first `cycles` cycles of a run.
std::vector<double> distribution_after(const std::filesystem::path& run, const Options& recorded, std::int64_t cycles) {
    const RecordedRun record = open_recorded_run(run);
    VALIDATE(cycles <= record.extent.cycles, ExitCode::usage, "replay.cycle = ", cycles, " is beyond the ",
             counted(record.extent.cycles, "cycle"), " that ", run.string(), " has recorded");
    return final_distribution(recount(record, recorded, cycles)).probability;
}

std::unique_ptr<Feed> make_static_feed(const Options& options, const Options& recorded, const Plan& plan,
                                       const Hdf5File& file) {
    const std::vector<double> probability =
        options.replay.cycle < 0 ? file.read<double>("probability")
                                 : distribution_after(options.replay.source, recorded, options.replay.cycle);
    VALIDATE(std::ssize(probability) == plan.training_images, ExitCode::usage, "the distribution of ",
             file.path().string(), " is over ", probability.size(), " training images, not ", plan.training_images,
             ": keep the [data] options of the run");
    return std::make_unique<StaticFeed>(probability, options.run.seed);
}

ScheduleFeed::Line read_line(const Hdf5File& file) {
    ScheduleFeed::Line line{file.read<std::int32_t>("line"), file.read<std::int32_t>("attempt"), {}};
    if (!file.has("learning_rate_factor")) return line;
    const auto learning_rate = file.read<double>("learning_rate_factor"); // (T, P)
    const auto weight_decay = file.read<double>("weight_decay_factor");
    const std::size_t members = learning_rate.size() / line.member.size();
    for (std::size_t t = 0; t < line.member.size(); ++t) {
        const std::size_t at = t * members + to_size(line.member[t]);
        line.factors.push_back({learning_rate[at], weight_decay[at]});
    }
    return line;
}

} // namespace

Hdf5File open_replayed_run(const std::filesystem::path& run) {
    const auto path = run / "run.h5";
    std::error_code unknown; // a name that is too long, a folder that may not be entered
    VALIDATE(
        std::filesystem::exists(path, unknown), ExitCode::checkpoint, path.string(),
        " is missing (the run has not finished, or this is no run directory): let it finish, or collect what there "
        "is with autosampling finish ",
        run.string());
    return Hdf5File::open(path);
}

std::string recorded_configuration(const Hdf5File& run) {
    return run.read_strings("configuration").at(0);
}

Options replay_options(const Options& recorded, const std::filesystem::path& run, ReplayMode mode) {
    VALIDATE(mode != ReplayMode::exact || recorded.replay.mode != ReplayMode::exact, ExitCode::usage, run.string(),
             " is an exact replay itself: replay the run that it repeats, ", recorded.replay.source);
    const bool searched = recorded.exploration.kind == ExplorationKind::policy,
               averaged = recorded.population.selection == SelectionRule::mean;
    const char* const others = averaged ? "--static" : "--dynamic or --static";
    VALIDATE(mode != ReplayMode::policy || searched, ExitCode::usage, run.string(),
             " has learned no policy (exploration.kind was ", recorded.exploration.kind, "): replay it by ", others);
    VALIDATE(
        mode != ReplayMode::policy || std::ranges::count(recorded.exploration.signals, "score") == 0, ExitCode::usage,
        run.string(),
        " goes by scores, which one network by itself doesn't earn (exploration.signals has \"score\"): replay it by ",
        others);
    VALIDATE(mode == ReplayMode::fixed || mode == ReplayMode::policy || !averaged, ExitCode::usage, run.string(),
             " averaged its members (population.selection = mean), so that it has no winners, and no winning schedule "
             "to replay by --",
             mode, ": replay what it learned by --static", searched ? " or --policy" : "");
    Options options = recorded;
    options.replay = {};
    options.replay.mode = mode;
    options.replay.source = run.string();
    options.population.members = 1;
    options.population.selection = SelectionRule::best;
    options.hyperparameters = {};
    if (mode != ReplayMode::policy) {
        options.exploration = {};
        options.exploration.kind = ExplorationKind::none;
    }
    if (mode == ReplayMode::exact) return options;
    options.run.seed = recorded.run.seed + 1;
    options.model.hash.clear();
    options.sampling = {};
    return options;
}

WeightSchedule read_weights(const Hdf5File& run, std::span<const std::string> names) {
    const std::vector<std::string> recorded = run.read_strings("weight_name");
    const auto require_all = [&](std::span<const std::string> wanted, std::span<const std::string> there,
                                 const std::string& problem) {
        for (const std::string& name : wanted)
            VALIDATE(std::ranges::find(there, name) != there.end(), ExitCode::usage, "the policy of ",
                     run.path().string(), problem, name,
                     ": replay it on data with the same signals and the same values of their columns");
    };
    require_all(recorded, names, " has a weight that these data have no signal for, ");
    require_all(names, recorded, " has no weight for a signal of these data, ");
    const auto weight = run.read<double>("policy_weight"); // (rounds, J)
    const auto first_cycle = run.read<std::int64_t>("round_cycle");
    const auto cycles = static_cast<double>(run.attribute<std::int64_t>("cycles_planned"));
    WeightSchedule schedule;
    for (std::size_t round = 0; round < first_cycle.size(); ++round) {
        schedule.share.push_back(static_cast<double>(first_cycle[round]) / cycles);
        std::vector<double>& row = schedule.weight.emplace_back();
        for (const std::string& name : names)
            row.push_back(weight[round * names.size() + to_size(std::ranges::find(recorded, name) - recorded.begin())]);
    }
    return schedule;
}

std::string identity_of(const Hdf5File& run) {
    return hex(hash_of(std::span<const std::uint64_t>(run.read<std::uint64_t>("state_hash"))));
}

void check_replayed_data(const Hdf5File& run, std::uint64_t dataset_hash, const Split& split) {
    VALIDATE(run.attribute<std::uint64_t>("dataset_hash") == dataset_hash, ExitCode::data,
             "the data set is not the one that ", run.path().string(),
             " was made with (its images or labels differ): give the folder that it began with by --set data.path");
    VALIDATE(run.read<std::uint32_t>("split/training") == split.training.source, ExitCode::usage,
             "the training indices of ", run.path().string(),
             " stand for other images than here (another split): keep the [data] options of the run");
}

std::unique_ptr<Feed> make_replay_feed(const Options& options, const Options& recorded, const Plan& plan,
                                       const Hdf5File& file) {
    const std::vector<float> weight = file.has("draw_weight") ? file.read<float>("draw_weight") : std::vector<float>{};
    VALIDATE(std::all_of(weight.begin(), weight.end(), [](float w) { return w == 1; }), ExitCode::usage,
             options.replay.source, " weighted its draws (sampling.rule was ", recorded.sampling.rule,
             "), which a schedule or a distribution doesn't: replay it with --exact, or start a run with this rule");
    if (options.replay.mode == ReplayMode::fixed) return make_static_feed(options, recorded, plan, file);

    const auto shape = file.shape("schedule"); // (T, K)
    VALIDATE(narrow<std::int64_t>(shape.at(1)) == plan.draws, ExitCode::usage, "the recorded schedule has ",
             counted(shape.at(1), "draw"), " a cycle, not ", plan.draws,
             ": keep training.batch_size × population.cycle_batches as it was");
    const bool exact = options.replay.mode == ReplayMode::exact;
    VALIDATE(narrow<std::int64_t>(shape.at(0)) >= plan.cycles, ExitCode::usage, "the recorded schedule has ",
             counted(shape.at(0), "cycle"), ", fewer than ", plan.cycles, ": ",
             exact ? "let the run go on to its end first (--resume), or use --dynamic with a lower training.epochs"
                   : "lower training.epochs");
    ScheduleFeed::Line line;
    if (exact) line = read_line(file);
    return std::make_unique<ScheduleFeed>(file.read<std::int32_t>("schedule"), std::move(line), options.run.seed);
}

Exactness compare_states(const std::filesystem::path& replay, const std::filesystem::path& run) {
    const Hdf5File file = open_replayed_run(run);
    const auto state_hash = file.read<std::uint64_t>("state_hash");                                // (T) of the winners
    const auto winner = file.read<std::int32_t>("winner"), line = file.read<std::int32_t>("line"); // (T)
    const auto train_loss = file.read<double>("train_loss");                                       // (T, P)
    const std::size_t members = train_loss.size() / line.size();
    Exactness found;
    for (const std::filesystem::path& path : find_segments(replay).segments)
        for (const CycleRow& row : read_segment(path).cycles) {
            const auto t = to_size(row.cycle);
            const bool states = winner.at(t) == line.at(t) && state_hash.at(t) != 0 && row.state_hash != 0;
            ++(states ? found.by_state : found.by_loss);
            const bool equal = states ? state_hash.at(t) == row.state_hash
                                      : train_loss.at(t * members + to_size(line.at(t))) == row.train_loss.at(0);
            if (!found.first_difference && !equal) found.first_difference = row.cycle;
        }
    return found;
}

} // namespace autosampling
