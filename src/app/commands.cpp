#include "autosampling/app/commands.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/counted.hpp"
#include "autosampling/base/error_words.hpp"
#include "autosampling/comm/gpu.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/comm/mpi_environment.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/derive.hpp"
#include "autosampling/population/prepare.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/population/run.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/summary.hpp"
#include "autosampling/training/runtime.hpp"

#include <boost/version.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <set>
#include <thread>

namespace autosampling {

namespace {

// The options that a command line asks for.
Options load_options(const RunArguments& arguments) {
    Places places;
    Options options = read_configuration(arguments.configuration, arguments.settings, &places);
    if (!arguments.output.empty()) options.run.output = arguments.output;
    check_in_place(places, [&] {
        VALIDATE(options.replay.mode == ReplayMode::none && options.replay.source.empty(), ExitCode::usage,
                 "section [replay] is not for a search (replay.mode is ", options.replay.mode, ", replay.source '",
                 options.replay.source, "'): use autosampling replay RUN");
        check_consistency(options);
        const DataOptions& data = options.data;
        std::error_code unknown; // a name that is too long, a folder that may not be entered
        VALIDATE(arguments.without_data || data.name == "synthetic" || std::filesystem::exists(data.path, unknown),
                 ExitCode::data, "data.path = ", data.path,
                 " does not exist: get the files (for known sets with `jobs/get-data.sh NAME FOLDER`), or correct it");
    });
    return options;
}

// What a replay settles by itself: it follows one run, and neither searches nor selects.
bool is_settled(const Option& option) {
    static const std::set<std::string> sections{"exploration", "sampling", "hyperparameters", "replay"};
    static const std::set<std::string> others{"population.members", "population.selection"};
    return others.contains(option.name()) || (sections.contains(option.section) && option.name() != "replay.cycle");
}

Options with_settings(Options options, const std::vector<std::string>& settings) {
    for (const std::string& setting : settings) apply_setting(setting, options);
    return options;
}

// What the run knew of its data doesn't hold of those that are asked for: these have their own.
void leave_to_other_data(const DataOptions& asked, DataOptions& data) {
    const bool other = asked.name != data.name, elsewhere = asked.path != data.path;
    const auto forget = [&](auto DataOptions::*option) { data.*option = DataOptions().*option; };
    if (other || elsewhere || asked.reward_path != data.reward_path) forget(&DataOptions::reward_images);
    if (other || (data.standardise && elsewhere)) {
        forget(&DataOptions::mean);
        forget(&DataOptions::std);
    }
    if (!other) return;
    forget(&DataOptions::standardise);
    forget(&DataOptions::reward_rows);
    forget(&DataOptions::reward_path);
}

// The options of a replay: those of the run, with settings on top.
Options load_replay_options(const RunArguments& arguments, ReplayMode mode) {
    const std::filesystem::path& run = arguments.configuration;
    const Hdf5File file = open_replayed_run(run);
    Options planned = replay_options(parse_recorded(recorded_configuration(file)), run, mode);
    planned.replay.identity = identity_of(file);
    planned.run.output.clear();
    Options options = with_settings(planned, arguments.settings);
    if (mode == ReplayMode::policy) { // the others are fed this run's images
        Options base = planned;
        leave_to_other_data(options.data, base.data);
        options = with_settings(base, arguments.settings);
    }
    for (const Option& option : option_table())
        VALIDATE(!is_settled(option) || format_value(option, planned) == format_value(option, options), ExitCode::usage,
                 "--set can't change ", option.name(),
                 " in a replay (it follows RUN as --exact, --dynamic, --static or --policy says): leave it away, or "
                 "start a run");
    if (!arguments.output.empty()) options.run.output = arguments.output;
    VALIDATE(std::filesystem::weakly_canonical(options.run.output) != std::filesystem::weakly_canonical(run),
             ExitCode::usage, "--output is ", run.string(),
             " itself, the run that is replayed: give another directory");
    if (mode == ReplayMode::exact)
        for (const std::string& difference : differences(planned, options))
            throw Error(ExitCode::usage, "an exact replay can't have other options than the run (" + difference +
                                             "): leave --set away, or use --dynamic");
    check_consistency(options);
    return options;
}

// Leaves the error with the run that it ends, as long as its directory is its own. The error itself matters more than
// that this succeeds.
void leave_error(const Communicator& comm, const std::filesystem::path& run, const std::exception& error, Log& log) {
    const auto* known = dynamic_cast<const Error*>(&error);
    // What all ranks throw, and what all that wait for a silent one do, is left by the root.
    const bool shared = known && (known->agreed() || known->code() == ExitCode::timeout);
    if (shared && !comm.is_root()) return;
    log.keep(LogLevel::error, words_of(error));
    if (!log.is_in_place()) return;
    try {
        write_failure(run / "summary.json", (shared ? "" : comm.name_of(comm.rank()) + ": ") + words_of(error));
        log.keep(LogLevel::info, result_line(run / "summary.json"));
    } catch (const std::exception&) {
    }
}

// Runs with the options that the root loads. Collective.
ExitCode search(Communicator& comm, const std::function<Options()>& load, Opening opening,
                const volatile std::sig_atomic_t& stop) {
    comm.agree([&] { refuse_singletons(comm.size()); });
    comm.learn_hosts();
    std::string configuration;
    comm.on_root([&] {
        const Options options = load();
        VALIDATE(!options.run.output.empty(), ExitCode::usage,
                 "no run directory (neither --output nor run.output names one): give --output DIR");
        configuration = format_configuration(options);
        VALIDATE(parse_configuration(configuration, "").run.output == options.run.output, ExitCode::usage,
                 "the run directory's name isn't UTF-8 (TOML can't hold it): give another");
    });
    broadcast_message(comm, configuration);
    const Options options = parse_configuration(configuration, "resolved configuration");
    comm.set_timeout(std::chrono::duration<double>(options.run.collective_timeout));
    Log log(comm.rank());
    try {
        return run_population(comm, options, opening, stop, log);
    } catch (const std::exception& error) {
        leave_error(comm, options.run.output, error, log);
        throw;
    }
}

} // namespace

ExitCode run_command(Communicator& comm, const RunArguments& arguments, const volatile std::sig_atomic_t& stop) {
    return search(
        comm, [&] { return load_options(arguments); }, arguments.opening, stop);
}

ExitCode replay_command(Communicator& comm, const RunArguments& arguments, ReplayMode mode,
                        const volatile std::sig_atomic_t& stop) {
    return search(
        comm, [&] { return load_replay_options(arguments, mode); }, arguments.opening, stop);
}

void check_command(const RunArguments& arguments) {
    for (const std::string& line :
         check_run(load_options(arguments), {arguments.measure, arguments.rate, arguments.without_data}))
        std::cout << line << '\n';
    std::cout << "the configuration is good; nothing was written\n";
}

void finish_command(const std::filesystem::path& run) {
    Log log(0);
    finish_run(run, log);
}

void history_command(const std::filesystem::path& run, std::int64_t every) {
    Log log(0);
    write_run_history(run, every, log);
}

void pack_command(const PackOptions& options, const volatile std::sig_atomic_t& stop) {
    const auto say = [](const std::string& line) { std::cout << line << std::endl; };
    const PackResult result = pack_images(options, say, [&] { return stop != 0; });
    say(text(options.file.string(), ": ", counted(result.images, "image"), " of ", counted(result.classes, "class"),
             ", ", result.bytes / 1'000'000, " MB, ", result.skipped, " left out"));
}

void info_command() {
    const BuildInfo build = build_info();
    std::cout << "autosampling " << build.version << " (git " << build.git_hash << (build.git_dirty ? ", changed" : "")
              << ")\n"
              << "build        " << build.build_type << ", " << build.compiler << ", CUDA "
              << (build.cuda ? "on" : "off") << "\nLibTorch     " << torch_version() << "\nMPI          "
              << mpi_version() << "\nHDF5         " << hdf5_version() << "\nBoost        " << BOOST_LIB_VERSION
              << "\nhost         " << host_name() << "\nCPU          " << cpu_kind() << ", "
              << std::thread::hardware_concurrency() << " hardware threads"
              << "\ndevice       auto is " << choose_device(Device::automatic, 0).str() << '\n';
    for (const LoadedLibrary& library : gpu_libraries())
        std::cout << std::left << std::setw(13) << library.name << library.version
                  << (library.path.empty() ? "" : ", " + library.path) << '\n';
}

namespace {

// The exit code of an action whose error, if any, all ranks share.
ExitCode agreed_outcome(Communicator& comm, const std::function<ExitCode(Communicator&)>& action) {
    try {
        return action(comm);
    } catch (const Error& error) {
        if (!error.agreed()) throw;
        if (comm.is_root() && *error.what()) std::cerr << "autosampling: " << error.what() << std::endl;
        return error.code();
    }
}

[[noreturn]] void abort_job(const std::exception& cause, ExitCode code) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    // All that wait for a silent rank know of it: the lowest of them says it and ends the others.
    if (code == ExitCode::timeout) std::this_thread::sleep_for(std::chrono::seconds(5 * std::min(rank, 4)));
    std::cerr << text("autosampling: rank ", rank, " on ", host_name(), ": ", words_of(cause), "\n") << std::flush;
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    std::abort();
}

} // namespace

ExitCode run_under_mpi(int argc, char** argv, const std::function<ExitCode(Communicator&)>& action) {
    const MpiEnvironment mpi(argc, argv);
    try {
        Communicator comm(MPI_COMM_WORLD);
        const ExitCode code = agreed_outcome(comm, action);
        comm.barrier(); // launchers kill the others once a rank has ended with an exit code other than 0
        return code;
    } catch (const Error& error) {
        abort_job(error, error.code());
    } catch (const std::exception& error) {
        abort_job(error, ExitCode::failure);
    }
}

} // namespace autosampling
