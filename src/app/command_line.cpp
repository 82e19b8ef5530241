#include "autosampling/app/command_line.hpp"

#include "autosampling/app/commands.hpp"
#include "autosampling/app/stop_signal.hpp"
#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error_words.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/training/runtime.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <limits>
#include <string_view>
#include <unistd.h>

namespace autosampling {

namespace {

struct ExitMeaning {
    ExitCode code;
    const char* words;
};
constexpr std::array exit_meanings{
    ExitMeaning{ExitCode::finished, "finished"},
    ExitMeaning{ExitCode::usage, "bad command line or configuration"},
    ExitMeaning{ExitCode::data, "bad or missing data"},
    ExitMeaning{ExitCode::checkpoint, "no usable checkpoint, one that does not fit, or a run directory in use"},
    ExitMeaning{ExitCode::timeout, "a rank did not answer within run.collective_timeout"},
    ExitMeaning{ExitCode::stopped,
                "stopped early (walltime, SIGUSR1, SIGTERM, SIGINT, SIGHUP) with a good checkpoint: submit "
                "again with --resume"},
};

std::string exit_codes() {
    std::ostringstream list;
    list << "Exit codes:\n" << std::left;
    for (const auto& [code, words] : exit_meanings)
        list << "  " << std::setw(4) << static_cast<int>(code) << words << "\n";
    list << "  other: failure\n\n";
    return std::move(list).str();
}

constexpr const char* examples = R"(Examples:
  autosampling defaults > my.toml
  autosampling check my.toml --set data.path=data/mnist
  mpirun -n 4 autosampling run my.toml --output runs/first
  mpirun -n 2 autosampling run my.toml --output runs/first --resume
  mpirun -n 1 autosampling replay runs/first --exact --output runs/first-again)";

// The options by section, for the help; their meanings are in `defaults`.
std::string option_names() {
    std::string names = "Options of CONFIG (autosampling defaults explains them):", section;
    for (const Option& option : option_table()) {
        if (option.section != section) names += "\n  [" + option.section + "]";
        section = option.section;
        names += " " + option.key;
    }
    return names;
}

void add_settings(CLI::App& command, RunArguments& arguments) {
    command.add_option("--set", arguments.settings, "Set an option, over what is configured; may be repeated")
        ->type_name("section.key=value")
        ->allow_extra_args(false)
        ->take_all();
    command.footer(option_names());
}

// An empty name is a variable of a shell that was not set.
const CLI::Validator
    is_named([](const std::string& name) { return std::string(name.empty() ? "the name is empty" : ""); }, "");

// CLI::PositiveNumber takes nan, and names the largest number there is in what it says.
const CLI::Validator is_positive(
    [](const std::string& number) {
        const double value = std::strtod(number.c_str(), nullptr);
        return value > 0 && std::isfinite(value) ? std::string() : text(number, " is no number above 0");
    },
    "");

void add_configuration(CLI::App& command, RunArguments& arguments) {
    command.add_option("CONFIG", arguments.configuration, "Configuration, a TOML file")->required()->check(is_named);
    add_settings(command, arguments);
}

void add_output(CLI::App& command, RunArguments& arguments, bool& resume, bool& overwrite) {
    command.add_option("--output", arguments.output, "Run directory; goes before run.output")
        ->type_name("DIR")
        ->check(is_named);
    CLI::Option* resume_flag =
        command.add_flag("--resume", resume, "Go on from the newest checkpoint of the run directory");
    command.add_flag("--overwrite", overwrite, "Start anew where there is a run already")->excludes(resume_flag);
}

// Whether a launcher's variables are there. They may be left over from another start.
bool maybe_launched() {
    const auto variables = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
    return std::any_of(variables.begin(), variables.end(), [](const char* name) { return std::getenv(name); });
}

// Says what is wrong with the command line: of a command that all ranks take part in once, however many there are.
ExitCode refuse(const std::string& problem, int argc, char** argv) {
    release_stop_signals();
    const std::string message = problem + ": see autosampling --help";
    const std::string_view command = argc > 1 ? argv[1] : "";
    if ((command == "run" || command == "replay") && maybe_launched())
        return run_under_mpi(argc, argv, [&](Communicator& comm) -> ExitCode {
            comm.on_root([&] { throw Error(ExitCode::usage, message); });
            return ExitCode::finished;
        });
    std::cerr << "autosampling: " << message << std::endl;
    return ExitCode::usage;
}

// A command that needs no MPI: every process does it, whatever a launcher's variables say.
ExitCode run_locally(const std::function<void()>& command) {
    release_stop_signals();
    try {
        command();
        VALIDATE(std::cout.flush(), ExitCode::failure, "cannot write all that is to be said to standard output (",
                 std::strerror(errno), "): check where it goes");
        return ExitCode::finished;
    } catch (const Error& error) {
        std::cerr << "autosampling: " << error.what() << std::endl;
        return error.code();
    } catch (const std::exception& error) {
        std::cerr << "autosampling: " << words_of(error) << std::endl;
        return ExitCode::failure;
    }
}

ExitCode dispatch(int argc, char** argv) {
    CLI::App app("Trains a population of networks in short cycles and learns the sampling schedule that won them.",
                 "autosampling");
    app.set_version_flag("--version", build_info().version);
    app.require_subcommand(1);
    app.footer(exit_codes() + examples);

    RunArguments arguments;
    bool resume = false, overwrite = false;
    CLI::App* run = app.add_subcommand("run", "Train a population; under mpirun or srun, one process a rank");
    add_configuration(*run, arguments);
    add_output(*run, arguments, resume, overwrite);
    CLI::App* replay = app.add_subcommand("replay", "Train one fresh model on what a run has learned");
    bool exact = false, dynamic = false, fixed = false, policy = false;
    replay->add_option("RUN", arguments.configuration, "Run directory, finished")->required()->check(is_named);
    CLI::Option* exact_flag = replay->add_flag("--exact", exact, "The very training of the run's final best member");
    CLI::Option* static_flag = replay->add_flag(
        "--static", fixed, "Draw from the learned distribution, the final one or that of replay.cycle");
    CLI::Option* policy_flag = replay->add_flag(
        "--policy", policy, "Draw by the learned policy, on the same data or, with --set data.…, on others");
    replay->add_flag("--dynamic", dynamic, "Its schedule in order, with another seed or other options (the default)")
        ->excludes(exact_flag)
        ->excludes(static_flag)
        ->excludes(policy_flag);
    static_flag->excludes(exact_flag)->excludes(policy_flag);
    policy_flag->excludes(exact_flag);
    add_settings(*replay, arguments);
    add_output(*replay, arguments, resume, overwrite);
    CLI::App* check = app.add_subcommand("check", "Check a configuration and its data, and print the plan");
    add_configuration(*check, arguments);
    CLI::Option* measure =
        check->add_flag("--measure", arguments.measure, "Time a batch here, for the run's device hours");
    check->add_option("--rate", arguments.rate, "Device hours if a device trains so many examples a second")
        ->check(is_positive)
        ->type_name("EXAMPLES")
        ->excludes(measure);
    std::vector<std::int64_t> sizes;
    const CLI::Option* without_data =
        check
            ->add_option("--without-data", sizes,
                         "Plan for data that aren't here yet; sizes left away are as published")
            ->delimiter(',')
            ->expected(0, 3)
            ->check(CLI::NonNegativeNumber)
            ->type_name("TRAINING,TEST,CLASSES");
    CLI::App* defaults = app.add_subcommand("defaults", "Print every option with default, unit and meaning, as TOML");
    CLI::App* finish = app.add_subcommand("finish", "Build run.h5 from the segments of a run that has stopped");
    std::string directory;
    finish->add_option("RUN", directory, "Run directory")->required()->check(is_named);
    CLI::App* history = app.add_subcommand(
        "history", "Derive from a run's segments how its distribution was learned, into RUN/history.h5");
    history->add_option("RUN", directory, "Run directory; the run may be going on")->required()->check(is_named);
    std::int64_t every = 0;
    history->add_option("--every", every, "Cycles from one time to the next; without it, every epoch")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{std::numeric_limits<std::int32_t>::max()}))
        ->type_name("CYCLES");
    CLI::App* pack = app.add_subcommand("pack", "Pack a tree of images, a folder a class, for data.name = packed");
    PackOptions packing;
    pack->add_option("TREE", packing.tree, "Folder that holds a folder a class, of JPEG, PNG or WebP files")
        ->required()
        ->check(is_named);
    pack->add_option("FILE", packing.file, "File to write")->required()->check(is_named);
    pack->add_option("--test", packing.test_tree, "A second tree, of test images of the same classes")
        ->type_name("TREE")
        ->check(is_named);
    pack->add_option("--threads", packing.threads, "Threads that read and check the images; without it, one a core")
        ->check(CLI::Range(1, 1024))
        ->type_name("THREADS");
    pack->add_flag("--skip-unreadable", packing.skip_unreadable, "Leave out images that can't be decoded");
    pack->add_option("--resize", packing.short_side,
                     "Shorter side that larger images are resized to, as JPEG; without it, files stay as they are")
        ->check(CLI::Range(8, 65536))
        ->type_name("PIXELS");
    pack->add_flag("--raw", packing.raw, "Pack the pixels: no time to decode them, but several times the space");
    CLI::App* info = app.add_subcommand("info", "Print versions, build options and devices");

    leave_out_backtraces();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) { // help or version
        return static_cast<ExitCode>(app.exit(asked));
    } catch (const CLI::ParseError& error) {
        const bool unknown = app.get_subcommands().empty() && argc > 1; // CLI11 doesn't name it
        return refuse(unknown ? text("there is no command ", argv[1]) : error.what(), argc, argv);
    }
    if (*without_data) {
        sizes.resize(3);
        arguments.without_data = {.training = sizes[0], .test = sizes[1], .classes = sizes[2]};
    }
    if (*check) return run_locally([&] { check_command(arguments); });
    if (*defaults) return run_locally([] { std::cout << describe_defaults(); });
    if (*finish) return run_locally([&] { finish_command(directory); });
    if (*history) return run_locally([&] { history_command(directory, every); });
    if (*info) return run_locally(info_command);

    arguments.opening = resume ? Opening::resume : overwrite ? Opening::overwrite : Opening::fresh;
    const volatile std::sig_atomic_t& stop = catch_stop_signals();
    if (*pack) return run_locally([&] { pack_command(packing, stop); });
    const ReplayMode mode = exact    ? ReplayMode::exact
                            : fixed  ? ReplayMode::fixed
                            : policy ? ReplayMode::policy
                                     : ReplayMode::dynamic;
    return run_under_mpi(argc, argv, [&](Communicator& comm) {
        return *replay ? replay_command(comm, arguments, mode, stop) : run_command(comm, arguments, stop);
    });
}

// Where a standard stream is closed, the next file to be opened would take its place, and the log would go there.
void occupy_standard_streams() {
    int descriptor = 0;
    do descriptor = ::open("/dev/null", O_RDONLY);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0) ::close(descriptor);
}

} // namespace

int run_command_line(int argc, char** argv) {
    occupy_standard_streams();
    std::signal(SIGXFSZ, SIG_IGN); // a file beyond `ulimit -f`: the write that fails is told
    return static_cast<int>(dispatch(argc, argv));
}

} // namespace autosampling
