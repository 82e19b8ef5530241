#include "autosampling/record/run_directory.hpp"

#include "example_run.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

void touch(const fs::path& file) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "x";
}

// What a stopped run leaves.
void make_run(const fs::path& path) {
    for (const char* name : {"config.toml", "run.log", "summary.json", "summary.json.tmp", "run.h5", "history.h5",
                             "record/a.h5", "checkpoint/cycle-00000001/index.h5", ".lock"})
        touch(path / name);
}

std::set<std::string> contents(const fs::path& path) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename());
    return names;
}

// Holds the directory until it is killed; says in the pipe when it does.
[[noreturn]] void hold_for_ever(const fs::path& path, int pipe) noexcept {
    const RunDirectory directory(path, Opening::resume);
    (void)!write(pipe, "r", 1);
    for (;;) pause();
}

TEST(RunDirectory, is_made_with_its_parents) {
    const Folder folder;
    const fs::path path = folder.path() / "a b" / "run";
    const RunDirectory directory(path, Opening::fresh);
    EXPECT_TRUE(fs::is_directory(path));
    EXPECT_EQ(directory.path(), path);
}

TEST(RunDirectory, that_is_not_empty_is_refused_fresh_and_kept) {
    const Folder folder;
    touch(folder.path() / "thesis.tex");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path(), Opening::fresh); }),
                HasSubstr("is not empty: use --resume to go on, --overwrite to start again"));
    EXPECT_EQ(contents(folder.path()), std::set<std::string>{"thesis.tex"});
}

TEST(RunDirectory, overwrite_removes_a_runs_own_files_alone) {
    const Folder folder;
    make_run(folder.path());
    touch(folder.path() / "notes.txt");
    const RunDirectory directory(folder.path(), Opening::overwrite);
    EXPECT_EQ(contents(folder.path()), (std::set<std::string>{".lock", "notes.txt"}));
}

TEST(RunDirectory, overwrite_of_what_is_no_run_is_refused_and_removes_nothing) {
    const Folder folder;
    touch(folder.path() / "record" / "vinyl.txt");
    touch(folder.path() / "thesis.tex");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path(), Opening::overwrite); }),
                HasSubstr("is no run directory"));
    EXPECT_EQ(contents(folder.path()), (std::set<std::string>{"record", "thesis.tex"}));
    EXPECT_TRUE(fs::exists(folder.path() / "record" / "vinyl.txt"));
}

TEST(RunDirectory, overwrite_spares_a_configuration_that_no_run_wrote) {
    const Folder folder;
    touch(folder.path() / "config.toml");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path(), Opening::overwrite); }),
                HasSubstr("is no run directory"));
    EXPECT_EQ(contents(folder.path()), std::set<std::string>{"config.toml"});
}

TEST(RunDirectory, overwrite_takes_a_run_that_was_killed_early_or_nothing) {
    const Folder folder;
    touch(folder.path() / ".lock");
    touch(folder.path() / "config.toml");
    touch(folder.path() / "run.log");
    { const RunDirectory directory(folder.path(), Opening::overwrite); }
    EXPECT_EQ(contents(folder.path()), std::set<std::string>{".lock"});
    { const RunDirectory directory(folder.path(), Opening::overwrite); }
    { const RunDirectory directory(folder.path() / "new", Opening::overwrite); }
}

TEST(RunDirectory, resume_needs_a_run_and_keeps_it) {
    const Folder folder;
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { RunDirectory(folder.path(), Opening::resume); }),
                HasSubstr("no run was begun"));
    make_run(folder.path());
    const auto before = contents(folder.path());
    const RunDirectory directory(folder.path(), Opening::resume);
    EXPECT_EQ(contents(folder.path()), before);
}

TEST(RunDirectory, file_in_its_place_is_refused) {
    const Folder folder;
    touch(folder.path() / "file");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path() / "file", Opening::fresh); }),
                HasSubstr("is no directory"));
}

TEST(RunDirectory, second_job_is_refused_until_the_first_ends) {
    const Folder folder;
    {
        const RunDirectory first(folder.path(), Opening::fresh);
        make_run(folder.path());
        for (const Opening opening : {Opening::resume, Opening::overwrite})
            EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { RunDirectory(folder.path(), opening); }),
                        HasSubstr("another job holds"));
        EXPECT_TRUE(fs::exists(folder.path() / "run.h5"));
    }
    const RunDirectory second(folder.path(), Opening::resume);
}

TEST(RunDirectory, killed_job_holds_nothing) {
    const Folder folder;
    make_run(folder.path());
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) hold_for_ever(folder.path(), ready[1]);
    close(ready[1]);
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    const std::string message = message_of(ExitCode::checkpoint, [&] { RunDirectory(folder.path(), Opening::resume); });
    EXPECT_THAT(message, HasSubstr("process " + std::to_string(child)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const RunDirectory next(folder.path(), Opening::resume);
    close(ready[0]);
}

} // namespace
} // namespace autosampling::example
