#include "autosampling/population/run.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/carrier.hpp"
#include "autosampling/population/heartbeat.hpp"
#include "autosampling/population/initial_weights.hpp"
#include "autosampling/population/launch.hpp"
#include "autosampling/population/node_data.hpp"
#include "autosampling/population/placement.hpp"
#include "autosampling/population/population.hpp"
#include "autosampling/population/prepare.hpp"
#include "autosampling/population/processors.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/resume.hpp"
#include "autosampling/training/choose_batches.hpp"

#include <optional>

namespace autosampling {

namespace {

// What a resume starts from; empty for a new run, and for one that ended before its first checkpoint.
using Checkpoint = std::optional<CheckpointIndex>;

// Finds where to go on, on rank 0, which keeps it in `point`; every rank reads the checkpoint. Collective.
Checkpoint find_checkpoint(const Communicator& comm, const std::filesystem::path& run, Opening opening,
                           std::optional<ResumePoint>& point, Log& log) {
    std::int64_t cycle = -1;
    comm.on_root([&] {
        if (opening != Opening::resume) return;
        point = find_resume_point(run);
        for (const std::string& warning : point->warnings) log.warning(warning);
        if (point->checkpoint) cycle = point->cycle();
    });
    comm.broadcast(std::span(&cycle, 1), 0);
    Checkpoint checkpoint;
    if (cycle >= 0) comm.agree([&] { checkpoint = read_index(checkpoint_folder(run, cycle)); });
    return checkpoint;
}

// The states that a resume reads must be those of the network.
void check_layout(const std::filesystem::path& run, const ResumePoint& point,
                  const std::vector<StateTensor>& expected) {
    VALIDATE(!point.checkpoint || point.layout == expected, ExitCode::checkpoint,
             checkpoint_folder(run, point.cycle()).string(),
             " holds other tensors than the network has (it was changed, or written by another version): restore it "
             "from a copy, or move it away to go on from the one before it");
}

void refuse_other_options(const Options& asked, const CheckpointIndex& checkpoint) {
    const Options recorded = parse_recorded(checkpoint.header.configuration);
    std::string list;
    for (const std::string& difference : differences(recorded, asked)) list += "\n  " + difference;
    VALIDATE(list.empty(), ExitCode::usage,
             "the run can't go on with other options (they would change its results):", list,
             "\n  give the recorded values, or start a new run in another directory");
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
std::unique_ptr<Feed> make_feed(const Communicator& comm, const Prepared& prepared, const Sampler& sampler,
                                std::uint64_t dataset_hash) {
    const auto& [options, split, plan, columns] = prepared;
    std::optional<Hdf5File> replayed;
    if (options.replay.mode != ReplayMode::none && options.replay.mode != ReplayMode::policy && comm.is_root()) {
        replayed.emplace(open_replayed_run(options.replay.source));
        check_replayed_data(*replayed, dataset_hash, split);
    }
    if (comm.is_root() && options.sampling.rule != Rule::uniform)
        return std::make_unique<RuleFeed>(
            make_rule(options.sampling, {options.run.seed, split.training.label, narrow<std::uint32_t>(plan.draws),
                                         plan.cycles, sampler}),
            options.run.seed);
    if (!replayed) return std::make_unique<SampledFeed>(sampler, options.run.seed);
    return make_replay_feed(options, parse_recorded(recorded_configuration(*replayed)), plan, *replayed);
}

void say_exactness(const std::filesystem::path& run, const std::string& source, Log& log) {
    Exactness exactness;
    try {
        exactness = compare_states(run, source);
    } catch (const Error& error) { // the replay itself is whole
        log.warning(text("whether the replay is exact isn't known: ", error.what()));
        return;
    }
    const auto& [first_difference, by_state, by_loss] = exactness;
    if (first_difference)
        log.warning(text("the replay is not exact: it differs first in cycle ", *first_difference,
                         " (another kind of CPU or GPU, another build, another number of threads, or a GPU without "
                         "run.deterministic?)"));
    else if (by_state == 0)
        log.info(text("no state was compared (no cycle has its hash in both records): the training losses of all ",
                      counted(by_loss, "cycle"), " are equal"));
    else
        log.info(text("the replay is exact: equal state hashes in all ", counted(by_state, "cycle"), " compared",
                      by_loss > 0 ? text(", equal training losses in the ", by_loss, " others") : ""));
}

// What a run starts from: all that can be refused was, and nothing is written yet.
struct Ground {
    // Collective.
    Ground(const Communicator& comm, const Options& asked, Opening opening, Log& log);

    Communicator node;
    DatasetPlan data_plan;
    NodeData data;
    std::optional<RunDirectory> directory; // held by rank 0; by a resume already while it looks for its checkpoint
    std::optional<ResumePoint> point;      // on rank 0, of a resume
    Checkpoint checkpoint;
    Prepared prepared;
    at::Device device = at::kCPU;
    TransportChoice transport;
    BatchesChoice batches; // of the ranks with a GPU

    std::int64_t first_cycle() const { return checkpoint ? checkpoint->cycle : 0; }
    // Whether there is nothing to do: a finished run, all of it whole. Collective.
    bool is_finished(const Communicator& comm) const;

  private:
    void settle(Options asked, int ranks);
};

Ground::Ground(const Communicator& comm, const Options& asked, Opening opening, Log& log)
    : node(comm.split_by_node()), data_plan(plan_together(comm, asked.data, data_seed(asked))),
      data(comm, node, data_plan, log) {
    comm.on_root([&] {
        if (opening == Opening::resume) directory.emplace(asked.run.output, opening);
    });
    checkpoint = find_checkpoint(comm, asked.run.output, opening, point, log);
    comm.agree([&] { settle(asked, comm.size()); });
    prepare_device(device, prepared.options.run.deterministic);
    const std::vector<GpuFacts> gpus = gather_gpus(comm, node, device);
    transport = choose_transport(comm, gpus, prepared.options.population.transport);
    batches = choose_batches(gpus, resident_bytes(data.dataset()));
}

bool Ground::is_finished(const Communicator& comm) const {
    std::uint8_t finished = point && point->complete && point->cycle() == prepared.plan.cycles;
    comm.broadcast(std::span(&finished, 1), 0);
    return finished != 0;
}

void Ground::settle(Options asked, int ranks) {
    if (checkpoint && asked.population.members == 0) asked.population.members = checkpoint->header.members;
    const Options options = resolve(asked, ranks, data_plan);
    check_ranks(options, ranks, checkpoint.has_value());
    if (checkpoint) refuse_other_options(options, *checkpoint);
    prepared = prepare(options, ranks, data_plan, data.dataset());
    VALIDATE(!checkpoint || prepared.plan.cycles >= checkpoint->cycle, ExitCode::usage,
             "training.epochs = ", options.training.epochs, " is ", counted(prepared.plan.cycles, "cycle"), ", and ",
             checkpoint->cycle, " are recorded: give as many epochs at least");
    device = choose_device(options.run.device, node.rank());
    check_precisions(options, device);
    VALIDATE(!checkpoint || checkpoint->header.dataset_hash == data.hash(), ExitCode::data,
             "the data set has changed since the run began (hash ", data.hash(), ", recorded ",
             checkpoint->header.dataset_hash, "): give the folder that it began with");
}

// What trains.
struct Engine {
    // Collective.
    Engine(const Communicator& comm, const Ground& ground, const CarrierMakers& make);

    Communicator team;
    std::unique_ptr<TeamExchange> exchange; // the trainer's, over the team
    Lanes lanes;
    Sampler sampler;
    std::unique_ptr<Feed> feed;
    std::unique_ptr<Transport> transport;
};

TrainerOptions trainer_options(const Ground& ground, const TeamExchange& team) {
    const Options& options = ground.prepared.options;
    return {.model = options.model,
            .training = options.training,
            .precision = options.run.precision,
            .reward_precision = reward_precision_of(options),
            .device = ground.device,
            .batches = ground.device.is_cuda() ? ground.batches.kind : Batches::host,
            .cuda_graphs = options.run.cuda_graphs,
            .seed = options.run.seed,
            .total_batches = ground.prepared.plan.total_batches,
            .team = &team,
            .synchronise_statistics = options.population.synchronise_statistics};
}

// What draws for all. Collective.
Sampler make_sampler(const Communicator& comm, const Prepared& prepared) {
    const auto& [options, split, plan, columns] = prepared;
    const auto draws = narrow<std::uint32_t>(plan.draws);
    if (options.exploration.kind != ExplorationKind::policy)
        return {options.exploration, options.run.seed, narrow<std::uint32_t>(plan.training_images), draws,
                make_perturbation(comm, options)};
    std::optional<Policy> policy;
    comm.agree([&] {
        policy = make_policy(prepared.options, prepared.split.training.label, prepared.plan.classes, prepared.columns);
        const ReplayOptions& replay = prepared.options.replay;
        if (replay.mode == ReplayMode::policy)
            policy->follow(read_weights(open_replayed_run(replay.source), policy->signals().weight_names()));
    });
    return {options.exploration, options.run.seed, draws, plan.batches_per_cycle, *std::move(policy)};
}

AverageSize average_size(const Ground& ground, Trainer& trainer) {
    const auto& [options, split, plan, columns] = ground.prepared;
    const bool averages = options.population.selection == SelectionRule::mean;
    return {to_size(trainer.state().buffer().numel()), averages ? narrow<int>(plan.members) : 0};
}

std::size_t lanes_of(const Prepared& prepared, int ranks) {
    const PopulationOptions& population = prepared.options.population;
    return Placement(prepared.plan.members, ranks, narrow<int>(population.ranks_per_member))
        .at_once(population.members_at_once);
}

Engine::Engine(const Communicator& comm, const Ground& ground, const CarrierMakers& make)
    : team(comm.split(comm.rank() / narrow<int>(ground.prepared.options.population.ranks_per_member))),
      exchange(make.team_exchange ? make.team_exchange(team)
                                  : make_team_exchange(team, ground.transport.kind, ground.device)),
      lanes(trainer_options(ground, *exchange), ground.data.dataset(), ground.prepared.split,
            lanes_of(ground.prepared, comm.size())),
      sampler(make_sampler(comm, ground.prepared)),
      transport(make.transport ? make.transport(comm, average_size(ground, lanes.first()))
                               : make_transport(comm, ground.node, ground.transport.kind, ground.device,
                                                average_size(ground, lanes.first()))) {
    const ModelOptions& model = ground.prepared.options.model;
    comm.on_root([&] {
        if (!ground.checkpoint && !model.init.empty()) load_initial_weights(lanes.first().state(), model);
    });
    comm.agree([&] { feed = make_feed(comm, ground.prepared, sampler, ground.data.hash()); });
}

// Makes or takes over the run directory. Returns what was reached before this job, on rank 0. Collective.
Summary open_run(const Communicator& comm, Ground& ground, Engine& engine, Opening opening, Log& log) {
    const std::filesystem::path run = ground.prepared.options.run.output;
    Summary reached;
    comm.on_root([&] {
        if (ground.point) check_layout(run, *ground.point, engine.lanes.first().state().layout());
        if (!ground.directory) ground.directory.emplace(run, opening);
        if (!ground.directory->warning().empty()) log.warning(ground.directory->warning());
        if (ground.point) { // first: on a full disk it makes room
            const RecordExtent recorded = prepare_resume(run, *ground.point, ground.prepared.plan.cycles);
            if (recorded.cycles > 0) reached = recorded_summary(recorded);
        }
        write_file(run / "config.toml", format_configuration(ground.prepared.options));
    });
    comm.agree([&] { log.open(run / "run.log"); });
    return reached;
}

// What a run leaves when its cycles are over. On rank 0.
void close_run(const Options& options, const Recorder& recorder, const Progress& progress, Sampler sampler,
               ExitCode end, Log& log) {
    const std::filesystem::path run = options.run.output;
    const bool finished = end == ExitCode::finished;
    std::string remark;
    if (finished)
        remark = write_run_file(run, recorder.header(), recorder.launch(), final_distribution(std::move(sampler)));
    if (!remark.empty()) log.warning(remark);
    const Summary summary = progress.snapshot();
    progress.write_summary(summary, finished ? "finished" : "stopped");
    if (options.replay.mode == ReplayMode::exact) say_exactness(run, options.replay.source, log);
    log.info(finished
                 ? text("finished: the record is ", (run / "run.h5").string())
                 : text("stopped after ", summary.cycles, " of ", counted(recorder.header().cycles_planned, "cycle"),
                        " with a checkpoint: start again with --resume"));
    log.info(result_line(run / "summary.json"));
}

} // namespace

ExitCode run_population(const Communicator& world, const Options& asked, Opening opening,
                        const volatile std::sig_atomic_t& stop, Log& log, const AfterTraining& after_training,
                        const CarrierMakers& make_carriers) {
    const auto began = std::chrono::steady_clock::now();
    log.set_level(asked.run.log_level);
    set_threads(narrow<int>(asked.run.threads));
    keep_heap();
    Communicator comm = world.split(0); // its messages name the cycle

    Ground ground(comm, asked, opening, log);
    const Options& options = ground.prepared.options;
    const Plan& plan = ground.prepared.plan;
    const Checkpoint& checkpoint = ground.checkpoint;
    const std::filesystem::path run = options.run.output;
    if (ground.is_finished(comm)) {
        if (comm.is_root()) log.info(text("finished already: the record is ", (run / "run.h5").string()));
        return ExitCode::finished;
    }
    Engine engine(comm, ground, make_carriers);

    const Summary reached = open_run(comm, ground, engine, opening, log);
    Launch launch = make_launch(comm, options.run, ground.device, checkpoint ? checkpoint->launch.link + 1 : 0);
    launch.transport = engine.transport->name();
    launch.batches = text(ground.batches.kind);
    launch.processors = processors_of(comm, launch.link, checkpoint ? checkpoint->launch.processors : Processors{});
    if (ground.node.is_root() && !ground.data.remark().empty()) log.warning(ground.data.remark());
    comm.on_root([&] {
        say_start(ground.prepared, ground.data_plan, launch, {ground.transport.why, ground.batches.why},
                  ground.first_cycle(), log);
    });
    warn_of_crowded_cores(comm, ground.node, options.run.threads, log);
    Progress progress(options, plan, run, launch.link, ground.first_cycle());
    comm.on_root([&] {
        if (reached.cycles > 0) progress.go_on(reached);
        progress.write_summary(progress.snapshot(), "running");
    });
    std::optional<Heartbeat> heartbeat;
    if (comm.is_root()) heartbeat.emplace(run / "summary.json", summary_heartbeat);
    RunHeader header = make_header(ground.prepared, ground.data_plan, ground.data.hash());
    ground.prepared.columns.clear(); // the sampler has what it needs of them
    if (const auto& policy = engine.sampler.policy()) header.weight_names = policy->signals().weight_names();
    Recorder recorder(comm, run, ground.directory ? &*ground.directory : nullptr, std::move(header), std::move(launch),
                      options.record, engine.lanes.first().state().layout(), ground.first_cycle());

    const Context context{.comm = comm,
                          .team = engine.team,
                          .options = options,
                          .plan = plan,
                          .lanes = engine.lanes,
                          .sampler = engine.sampler,
                          .feed = *engine.feed,
                          .transport = *engine.transport,
                          .recorder = recorder,
                          .progress = progress,
                          .log = log,
                          .wall = wall_of(options.run, began),
                          .after_training = after_training};
    Population population = checkpoint ? Population(context, *checkpoint, run) : Population(context);
    const ExitCode end = population.run(stop);

    log.set_cycle(-1);
    comm.set_cycle(-1);
    comm.on_root([&] {
        ground.directory->require();
        close_run(options, recorder, progress, std::move(engine.sampler), end, log);
    });
    return end;
}

} // namespace autosampling
