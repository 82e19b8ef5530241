#include "autosampling/population/launch.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/bytes.hpp"
#include "autosampling/base/cores.hpp"
#include "autosampling/base/counted.hpp"
#include "autosampling/base/job.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/comm/core_use.hpp"
#include "autosampling/comm/gpu.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/comm/mpi_environment.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/disk_use.hpp"
#include "autosampling/population/doubts.hpp"
#include "autosampling/population/processors.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/training/runtime.hpp"

#include <algorithm>
#include <cctype>
#include <iomanip>

namespace autosampling {

RunHeader make_header(const Prepared& prepared, const DatasetPlan& data, std::uint64_t dataset_hash) {
    const auto& [options, split, plan, columns] = prepared;
    RunHeader header;
    header.seed = options.run.seed;
    header.dataset_hash = dataset_hash;
    header.members = plan.members;
    header.slots = survivor_slots(options);
    header.draws = plan.draws;
    header.cycles_planned = plan.cycles;
    header.training_images = plan.training_images;
    header.classes = plan.classes;
    header.skipped_images = data.facts.skipped_images;
    header.configuration = format_configuration(options);
    header.label = split.training.label;
    header.true_label = split.training.true_label;
    header.split_training = split.training.source;
    header.split_reward = split.reward.source;
    header.reward_label = split.reward.label;
    header.reward_true_label = split.reward.true_label;
    header.class_names = data.facts.class_names;
    for (const Column& column : columns) {
        header.column_names.push_back(column.name);
        header.column_value.insert(header.column_value.end(), column.value.begin(), column.value.end());
    }
    return header;
}

namespace {

// Kept for the last checkpoint before the end of a batch job, at most.
constexpr std::chrono::minutes end_reserve{1};

// What this process knows of its start by itself.
Launch launch_here(const RunOptions& options, std::int64_t ranks) {
    Launch launch;
    launch.ranks = ranks;
    launch.threads = options.threads;
    launch.start_time = utc_now();
    launch.job_id = batch_job();
    launch.versions = {{"mpi", mpi_version()}, {"libtorch", torch_version()}, {"hdf5", hdf5_version()}};
    for (const LoadedLibrary& library : gpu_libraries()) { // none in a build without CUDA
        std::string name = library.name;
        std::ranges::transform(name, name.begin(),
                               [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
        launch.versions[name] = library.version;
    }
    launch.command = launch_lines();
    launch.environment = launch_variables();
    return launch;
}

void say_disk_use(const Prepared& prepared, const DatasetPlan& data, const Launch& launch, Log& log) {
    if (!log.writes(LogLevel::warning)) return; // to know it takes some 0.1 s
    const std::filesystem::path run = prepared.options.run.output;
    const DiskUse use = estimate_disk_use(prepared, data, launch);
    log.info(describe(use, prepared.options));
    const std::int64_t wanted = std::max<std::int64_t>(0, use.most_bytes() - bytes_in(run)), left = free_bytes(run);
    log.info("disk        " + room_text(run, wanted));
    if (left >= 0 && left < wanted)
        log.warning(text("the disk may not hold the run (", room_text(run, wanted), " in ", run.string(),
                         "): make room, or set record.keep_checkpoints = 1"));
}

} // namespace

std::optional<std::chrono::steady_clock::time_point> wall_of(const RunOptions& options,
                                                             std::chrono::steady_clock::time_point began) {
    using Seconds = std::chrono::duration<double>;
    std::optional<Clock::time_point> wall;
    if (options.walltime > 0) wall = began + std::chrono::duration_cast<Clock::duration>(Seconds(options.walltime));
    if (const auto end = batch_job_end()) {
        const Clock::duration left = *end - std::chrono::system_clock::now();
        const Clock::time_point last = Clock::now() + left - std::min<Clock::duration>(left / 10, end_reserve);
        wall = wall ? std::min(*wall, last) : last;
    }
    return wall;
}

Launch make_launch(const Communicator& comm, const RunOptions& options, const at::Device& device, std::int64_t link) {
    Launch launch = launch_here(options, comm.size());
    launch.link = link;
    launch.host = gather_messages(comm, host_name());
    launch.device = gather_messages(comm, device.str());
    launch.cpu = gather_messages(comm, cpu_kind());
    return launch;
}

Launch foreseen_launch(const RunOptions& options, std::int64_t ranks) {
    const auto of_each = [ranks](const std::string& word) {
        return std::vector<std::string>(static_cast<std::size_t>(ranks), word);
    };
    const BuildInfo build = build_info();
    Launch launch = launch_here(options, ranks);
    launch.transport = "mpi";
    launch.batches = "host";
    launch.host = of_each(host_name());
    launch.device = of_each("cpu");
    launch.cpu = of_each(cpu_kind());
    launch.processors = {.link = {0},
                         .first_rank = {0},
                         .ranks = {static_cast<std::int32_t>(ranks)},
                         .cpu = {cpu_kind()},
                         .capability = {cpu_capability()},
                         .program = {text(build.version, " (", build.git_hash, ")")}};
    return launch;
}

void say_start(const Prepared& prepared, const DatasetPlan& data, const Launch& launch, const Reasons& why,
               std::int64_t first_cycle, Log& log) {
    const auto& [options, split, plan, columns] = prepared;
    const BuildInfo build = build_info();
    log.info(text("autosampling ", build.version, " (", build.git_hash, build.git_dirty ? ", changed" : "", "), ",
                  counted(launch.ranks, "rank"), ", ", counted(launch.threads, "thread"), " each, transport ",
                  launch.transport, " (", why.transport, ")"));
    if (launch.batches != "host") log.info(text("batches     ", launch.batches, " (", why.batches, ")"));
    for (const std::string& line : describe(plan, options)) log.info(line);
    const std::size_t without = to_size(std::ranges::find(launch.device, "cpu") - launch.device.begin());
    if (build.cuda && options.run.device == Device::automatic && without < launch.device.size())
        log.warning(text("no CUDA device on ", launch.host[without], ": rank ", without, " trains on its CPU (",
                         std::ranges::count(launch.device, "cpu"), " of ", counted(launch.ranks, "rank"), " do)"));
    say_disk_use(prepared, data, launch, log);
    for (const std::string& line : differences(launch.processors)) log.warning(line);
    if (options.replay.mode == ReplayMode::exact)
        for (const std::string& line :
             differences(launch.processors, read_launch(open_replayed_run(options.replay.source)).processors))
            log.warning(line);
    const std::int64_t needed = plan.members * options.population.ranks_per_member;
    if (needed < launch.ranks)
        log.warning(text(launch.ranks - needed, " of ", launch.ranks, " ranks have no member to train: start with ",
                         counted(needed, "rank")));
    const bool bf16 = options.run.precision == Precision::bf16 || reward_precision_of(options) == Precision::bf16;
    if (bf16 && without < launch.device.size()) {
        const double speedup = bf16_speedup();
        const std::string line = text("bf16 convolutions take ", std::fixed, std::setprecision(1), 1 / speedup,
                                      " times as long as fp32 on this CPU");
        speedup < 1 ? log.warning(line + ": fp32 would be faster here") : log.info(line);
    }
    for (const std::string& warning : data.warnings) log.warning(warning);
    for (const std::string& doubt : doubts(prepared)) log.warning(doubt);
    if (const auto end = batch_job_end()) log.info("walltime    in time for the job's end at " + utc(*end));
    if (launch.link > 0) log.info(text("going on after cycle ", first_cycle, " (link ", launch.link, ")"));
}

void warn_of_crowded_cores(const Communicator& comm, const Communicator& node, std::int64_t threads, Log& log) {
    const CoreUse use = most_crowded(comm, node, threads, allowed_cores());
    if (!comm.is_root() || use.threads <= use.cores) return;
    log.warning(
        text(counted(use.threads, "thread"), " share ", counted(use.cores, "core"),
             " (what the ranks of a node, or one of them, may run on): lower run.threads or the number of ranks, ",
             "or give them more cores (mpirun --map-by slot:PE=N or --bind-to none, srun -c N, taskset)"));
}

} // namespace autosampling
