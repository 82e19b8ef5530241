#include "autosampling/app/command_line.hpp"
#include "autosampling/options/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace autosampling {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Outcome {
    int code;
    std::string out, error;
};

// What the program does with these arguments.
Outcome call(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "autosampling");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_command_line(static_cast<int>(arguments.size()), argv.data());
    return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

class CommandLine : public testing::Test {
  protected:
    CommandLine() {
        std::filesystem::create_directory(folder_);
        std::ofstream(file_) << "[data]\nname = \"synthetic\"\nsynthetic_images = 1000\nsynthetic_size = 8\n"
                                "[model]\nname = \"mlp\"\n[training]\nepochs = 2\nbatch_size = 30\n"
                                "[population]\nmembers = 3\ncycle_batches = 5\n";
    }
    ~CommandLine() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("autosampling command line " + std::to_string(getpid()));
    std::string file_ = folder_ / "good.toml";
};

TEST_F(CommandLine, help_has_commands_options_and_exit_codes) {
    const Outcome help = call({"--help"});
    EXPECT_EQ(help.code, 0);
    for (const char* word : {"run", "check", "defaults", "finish", "info", "85", "submit again", "mpirun -n 4"})
        EXPECT_THAT(help.out, HasSubstr(word));
    const Outcome of_run = call({"run", "--help"});
    EXPECT_EQ(of_run.code, 0);
    for (const Option& option : option_table()) EXPECT_THAT(of_run.out, HasSubstr(option.key));
    EXPECT_EQ(call({"--version"}).code, 0);
}

TEST_F(CommandLine, defaults_are_a_configuration) {
    const Outcome defaults = call({"defaults"});
    EXPECT_EQ(defaults.code, 0);
    EXPECT_EQ(format_configuration(parse_configuration(defaults.out, "defaults")), format_configuration(Options{}));
}

TEST_F(CommandLine, info_names_the_libraries) {
    const Outcome info = call({"info"});
    EXPECT_EQ(info.code, 0);
    for (const char* word : {"LibTorch", "MPI", "HDF5", "Boost", "CPU", "device"})
        EXPECT_THAT(info.out, HasSubstr(word));
}

TEST_F(CommandLine, a_bad_command_line_is_exit_2) {
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {},
             {"walk"},
             {"run"},
             {"check"},
             {"finish"},
             {"finish", ""},
             {"history", ""},
             {"run", file_, "--output", ""},
             {"replay", "", "--output", folder_ / "run"},
             {"pack", "", folder_ / "packed.h5"},
             {"pack", folder_, ""},
             {"pack", folder_, folder_ / "packed.h5", "--test", ""},
             {"check", ""},
             {"check", file_, "--sett", "run.seed=1"},
             {"run", file_, "--resume", "--overwrite"},
             {"check", file_, "--set"},
             {"check", file_, "--set", "run.sede=1"},
             {"check", folder_ / "none.toml"},
             {"check", file_, "--rate", "0"},
             {"check", file_, "--rate", "nan"},
             {"check", file_, "--rate", "fast"},
         }) {
        const Outcome outcome = call(arguments);
        EXPECT_EQ(outcome.code, 2) << testing::PrintToString(arguments);
        EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
        EXPECT_THAT(outcome.error, testing::SizeIs(testing::Lt(300))); // of which nobody needs all digits
        EXPECT_THAT(outcome.out, IsEmpty());
    }
}

TEST_F(CommandLine, check_prints_the_plan_and_writes_nothing) {
    const Outcome check =
        call({"check", "--set", "run.seed=4", file_, "--set", "training.epochs=3", "--output", folder_ / "run"});
    EXPECT_EQ(check.code, 2) << "check has no --output";
    const Outcome plan = call({"check", "--set", "run.seed=4", file_, "--set", "training.epochs=3"});
    EXPECT_EQ(plan.code, 0) << plan.error;
    // 900 of 1,000 images are left for training: 3 epochs of them are 18 cycles of 150 draws.
    for (const char* word : {"900 training", "100 reward", "3 members", "18 cycles", "9 member-epochs"})
        EXPECT_THAT(plan.out, HasSubstr(word));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(CommandLine, check_reads_the_data) {
    const std::vector<std::string> mnist = {"check", file_, "--set", "data.name=mnist", "--set"};
    auto good = mnist, missing = mnist;
    good.push_back(std::string("data.path=") + TEST_DATA + "/mnist-10k");
    missing.push_back("data.path=" + (folder_ / "nowhere").string());
    const Outcome plan = call(good), refused = call(missing);
    EXPECT_EQ(plan.code, 0) << plan.error;
    EXPECT_THAT(plan.out, HasSubstr("train-images"));
    EXPECT_EQ(refused.code, 3);
    EXPECT_THAT(refused.error, HasSubstr((folder_ / "nowhere").string()));
}

TEST_F(CommandLine, finish_of_what_is_no_run_is_exit_4) {
    EXPECT_EQ(call({"finish", folder_}).code, 4);
}

} // namespace
} // namespace autosampling
