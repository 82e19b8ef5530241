#include "autosampling/population/run.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/comm/mpi_environment.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/initial_weights.hpp"
#include "autosampling/population/node_data.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/population/search.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/hdf5.hpp"

#include <optional>
#include <set>

namespace autosampling {

namespace {

// What a resume starts from; empty for a new run.
using Checkpoint = std::optional<CheckpointIndex>;

// Finds the checkpoint to go on from, on rank 0, and lets every rank read it. Collective.
Checkpoint find_checkpoint(const Communicator& comm, const std::filesystem::path& run, Opening opening, Log& log) {
    std::int64_t cycle = -1;
    comm.on_root([&] {
        if (opening != Opening::resume) return;
        std::vector<std::string> passed_over;
        const Checkpoint newest = newest_checkpoint(run, passed_over);
        for (const std::string& reason : passed_over) log.warning("checkpoint passed over: " + reason);
        VALIDATE(newest, ExitCode::checkpoint, "no usable checkpoint in ", run.string(),
                 " (the run ended before its first one, or all are damaged): start again with --overwrite");
        cycle = newest->cycle;
    });
    comm.broadcast(std::span(&cycle, 1), 0);
    Checkpoint checkpoint;
    if (cycle >= 0) comm.agree([&] { checkpoint = read_index(checkpoint_folder(run, cycle)); });
    return checkpoint;
}

void refuse_other_options(const Options& asked, const CheckpointIndex& checkpoint) {
    const Options recorded = parse_recorded(checkpoint.header.configuration);
    std::string list;
    for (const std::string& difference : differences(recorded, asked)) list += "\n  " + difference;
    VALIDATE(list.empty(), ExitCode::usage,
             "the run can't go on with other options (they would change its results):", list,
             "\n  give the recorded values, or start a new run in another directory");
}

RunHeader make_header(const Options& options, const Plan& plan, const DatasetPlan& data, const Split& split,
                      std::uint64_t dataset_hash, const std::string& configuration) {
    RunHeader header;
    header.seed = options.run.seed;
    header.dataset_hash = dataset_hash;
    header.members = plan.members;
    header.slots = survivor_slots(options.population);
    header.draws = plan.draws;
    header.cycles_planned = plan.cycles;
    header.training_images = plan.training_images;
    header.classes = plan.classes;
    header.configuration = configuration;
    header.label = split.training.label;
    header.true_label = split.training.true_label;
    header.split_training = split.training.source;
    header.split_reward = split.reward.source;
    header.reward_label = split.reward.label;
    header.reward_true_label = split.reward.true_label;
    header.class_names = data.facts.class_names;
    return header;
}

// Collective.
Launch make_launch(const Communicator& comm, const Options& options, const torch::Device& device,
                   const std::string& transport, std::int64_t link) {
    Launch launch;
    launch.link = link;
    launch.ranks = comm.size();
    launch.threads = options.run.threads;
    launch.start_time = utc_now();
    launch.job_id = batch_job();
    launch.transport = transport;
    launch.versions = {{"mpi", mpi_version()}, {"libtorch", torch_version()}, {"hdf5", hdf5_version()}};
    launch.host = gather_messages(comm, host_name());
    launch.device = gather_messages(comm, device.str());
    launch.cpu = gather_messages(comm, cpu_kind());
    return launch;
}

std::vector<StateTensor> layout_of(const FlatState& state) {
    std::vector<StateTensor> layout;
    for (const StateEntry& entry : state.entries())
        layout.push_back({entry.name, entry.shape, entry.offset, entry.channels_last});
    return layout;
}

// The perturbation's tables of rank 0 for everyone. Collective.
Perturbation make_perturbation(const Communicator& comm, const Options& options) {
    Perturbation mine(options.run.seed, options.exploration.perturbation);
    std::vector<std::uint32_t> thresholds = mine.thresholds();
    comm.broadcast(std::span(thresholds), 0);
    return {options.run.seed, options.exploration.perturbation, std::move(thresholds)};
}

// What the members are fed. A replay's record is read, and a rule's memory kept, only where there is a member to feed.
// An exact replay has the rule draw and weigh again. Local.
std::unique_ptr<Feed> make_feed(const Communicator& comm, const Options& options, const Plan& plan, const Split& split,
                                const Sampler& sampler, std::uint64_t dataset_hash) {
    std::optional<Hdf5File> replayed;
    if (options.replay.mode != ReplayMode::none && comm.is_root()) {
        replayed.emplace(open_replayed_run(options.replay.source));
        check_replayed_data(*replayed, dataset_hash, split);
    }
    if (comm.is_root() && options.sampling.rule != Rule::uniform)
        return std::make_unique<RuleFeed>(
            make_rule(options.sampling, {options.run.seed, split.training.label, static_cast<std::uint32_t>(plan.draws),
                                         plan.cycles, sampler}),
            options.run.seed);
    if (!replayed) return std::make_unique<SampledFeed>(sampler, options.run.seed);
    return make_replay_feed(options, parse_recorded(recorded_configuration(*replayed)), plan, *replayed);
}

void say_start(const Options& options, const Plan& plan, const std::vector<std::string>& data_warnings,
               const Launch& launch, const Checkpoint& checkpoint, Log& log) {
    const BuildInfo build = build_info();
    log.info(text("autosampling ", build.version, " (", build.git_hash, build.git_dirty ? ", changed" : "", "), ",
                  launch.ranks, " ranks, ", launch.threads, " threads each, transport ", launch.transport));
    for (const std::string& line : describe(plan, options)) log.info(line);
    const std::set<std::string> kinds(launch.cpu.begin(), launch.cpu.end());
    if (kinds.size() > 1)
        log.warning(text("the ranks run on ", kinds.size(),
                         " kinds of CPU: results then may depend on the number of ranks (rank invariance is not "
                         "claimed)"));
    const std::int64_t needed = plan.members * options.population.ranks_per_member;
    if (needed < launch.ranks)
        log.warning(text(launch.ranks - needed, " of ", launch.ranks, " ranks have no member to train: start with ",
                         needed, " ranks"));
    if (options.run.precision == Precision::bf16) {
        const double speedup = bf16_speedup();
        const std::string line = text("bf16 convolutions take ", 1 / speedup, " times as long as fp32 on this CPU");
        speedup < 1 ? log.warning(line + ": fp32 would be faster here") : log.info(line);
    }
    for (const std::string& warning : data_warnings) log.warning(warning);
    if (checkpoint) log.info(text("going on after cycle ", checkpoint->cycle, " (link ", launch.link, ")"));
}

void say_exactness(const Exactness& exactness, Log& log) {
    if (const auto first = exactness.first_difference)
        log.warning(text("the replay is not exact: the states differ first after cycle ", *first,
                         " (another kind of CPU or GPU, another build, another number of threads, or a GPU without "
                         "run.deterministic?)"));
    else
        log.info(text("the replay is exact: equal state hashes in all ", exactness.compared, " cycles compared"));
}

} // namespace

ExitCode run_search(const Communicator& comm, const Options& asked, Opening opening,
                    const volatile std::sig_atomic_t& stop, Log& log, const AfterTraining& after_training) {
    const auto began = std::chrono::steady_clock::now();
    const std::filesystem::path run = asked.run.output;
    log.set_level(asked.run.log_level);
    set_threads(static_cast<int>(asked.run.threads));
    keep_heap();

    // Everything that can be refused is, before the run directory is touched.
    const Communicator node = comm.split_by_node();
    const NodePlace place = find_node_place(comm, node);
    const DatasetPlan data_plan = plan_together(comm, asked.data, data_seed(asked));
    NodeData data(comm, node, data_plan);
    std::optional<RunDirectory> directory; // held by rank 0; by a resume already while it looks for its checkpoint
    comm.on_root([&] {
        if (opening == Opening::resume) directory.emplace(run, opening);
    });
    const Checkpoint checkpoint = find_checkpoint(comm, run, opening, log);

    Options options;
    Split split;
    Plan plan;
    torch::Device device = torch::kCPU;
    comm.agree([&] {
        options = asked;
        if (checkpoint && asked.population.members == 0) options.population.members = checkpoint->header.members;
        options = resolve(options, comm.size(), data_plan);
        check_ranks(options, comm.size());
        if (checkpoint) refuse_other_options(options, *checkpoint);
        split = split_dataset(data.dataset(), options.data, data_seed(options));
        plan = make_plan(options, comm.size(), data_plan, split);
        VALIDATE(!checkpoint || plan.cycles >= checkpoint->cycle, ExitCode::usage,
                 "training.epochs = ", options.training.epochs, " is ", plan.cycles, " cycles, and ", checkpoint->cycle,
                 " are recorded: give as many epochs at least");
        device = choose_device(options.run.device, place.local_rank);
        VALIDATE(!checkpoint || checkpoint->header.dataset_hash == data.hash(), ExitCode::data,
                 "the data set has changed since the run began (hash ", data.hash(), ", recorded ",
                 checkpoint->header.dataset_hash, "): give the folder that it began with");
    });
    if (options.run.deterministic && device.is_cuda()) require_determinism();
    const int ranks_per_member = static_cast<int>(options.population.ranks_per_member);
    const Communicator team = comm.split(comm.rank() / ranks_per_member);
    Trainer trainer({options.model, options.training, options.run.precision, device, options.run.seed,
                     plan.total_batches, &team, options.population.synchronise_statistics},
                    data.dataset(), split);
    comm.on_root([&] {
        if (!checkpoint && !options.model.init.empty()) load_initial_weights(trainer.state(), options.model);
    });
    Sampler sampler(options.exploration, options.run.seed, static_cast<std::uint32_t>(plan.training_images),
                    static_cast<std::uint32_t>(plan.draws), make_perturbation(comm, options));
    std::unique_ptr<Feed> feed;
    comm.agree([&] { feed = make_feed(comm, options, plan, split, sampler, data.hash()); });
    const auto transport = make_mpi_transport(comm);

    Summary reached; // before this job, on rank 0
    const std::string resolved = format_configuration(options);
    comm.on_root([&] {
        if (!directory) directory.emplace(run, opening);
        if (!directory->warning().empty()) log.warning(directory->warning());
        write_file(run / "config.toml", resolved);
        if (!checkpoint) return;
        reached = recorded_summary(set_aside_segments(run, checkpoint->cycle));
        for (const char* derived : {"run.h5", "history.h5"}) // they lag behind from now on
            if (plan.cycles > checkpoint->cycle) std::filesystem::remove(run / derived);
    });
    comm.agree([&] { log.open(run / "run.log"); });

    Launch launch = make_launch(comm, options, device, transport->name(), checkpoint ? checkpoint->launch.link + 1 : 0);
    if (node.is_root() && !data.remark().empty()) log.warning(data.remark());
    if (comm.is_root()) say_start(options, plan, data_plan.warnings, launch, checkpoint, log);
    const std::int64_t first_cycle = checkpoint ? checkpoint->cycle : 0;
    Progress progress(options, plan, run, first_cycle);
    comm.on_root([&] {
        if (checkpoint) progress.go_on(reached);
        progress.write_summary(progress.snapshot(), "running");
    });
    Recorder recorder(comm, run, make_header(options, plan, data_plan, split, data.hash(), resolved), std::move(launch),
                      options.record, layout_of(trainer.state()), first_cycle);

    const Search::Parts parts{comm,  team,       options,  plan,     trainer, sampler,
                              *feed, *transport, recorder, progress, log,     began};
    Search search = checkpoint ? Search(parts, *checkpoint, run) : Search(parts);
    search.after_training = after_training;
    const ExitCode end = search.run(stop);
    log.set_cycle(-1);
    comm.on_root([&] {
        const bool finished = end == ExitCode::finished;
        if (finished) write_run_file(run, recorder.header(), recorder.launch(), final_distribution(sampler));
        progress.write_summary(progress.snapshot(), finished ? "finished" : "stopped");
        if (options.replay.mode == ReplayMode::exact) say_exactness(compare_states(run, options.replay.source), log);
        log.info(finished ? text("finished: the record is ", (run / "run.h5").string())
                          : text("stopped after ", search.cycles_done(), " of ", plan.cycles,
                                 " cycles with a checkpoint: start again with --resume"));
    });
    return end;
}

} // namespace autosampling
