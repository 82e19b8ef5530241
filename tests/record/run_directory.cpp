#include "autosampling/record/run_directory.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/record/summary.hpp"
#include "example_run.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <set>
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
                             "record/cycles-00000000-00000000.h5", "checkpoint/cycle-00000001/index.h5", ".lock"})
        touch(path / name);
}

// But for the second lock file, which stands there where there is no flock.
std::set<std::string> contents(const fs::path& path) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename());
    names.erase(".lock.held");
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

TEST(RunDirectory, whose_files_would_have_too_long_names_is_refused_at_once) {
    const Folder folder;
    const auto refusal = [](const fs::path& path) {
        return message_of(ExitCode::usage, [&] { RunDirectory(path, Opening::fresh); });
    };
    EXPECT_THAT(refusal(folder.path() / std::string(256, 'x')), HasSubstr("has 256 bytes"));
    fs::path deep = folder.path();
    while (deep.native().size() < 4061 - 200) deep /= std::string(99, 'y');
    deep /= std::string(4061 - deep.native().size() - 1, 'z');
    EXPECT_THAT(refusal(deep), HasSubstr("has 4061 bytes"));
    EXPECT_TRUE(fs::is_empty(folder.path()));
    EXPECT_NO_THROW(RunDirectory(folder.path() / std::string(255, 'x'), Opening::fresh));
}

TEST(RunDirectory, that_was_moved_or_removed_says_what_is_left) {
    const Folder folder;
    const fs::path path = folder.path() / "run", moved = folder.path() / "moved";
    const RunDirectory directory(path, Opening::fresh);
    EXPECT_NO_THROW(directory.require());
    write_summary(path / "summary.json", {});
    fs::rename(path, moved);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { directory.require(); }),
                HasSubstr("are in " + fs::canonical(moved).string() + " now"));
    EXPECT_THAT(read_file(moved / "summary.json"),
                AllOf(HasSubstr(R"("state": "failed")"), HasSubstr("is no longer this job's directory")));
    const RunDirectory other(path, Opening::fresh);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { directory.require(); }), HasSubstr("are in "));
    EXPECT_NO_THROW(other.require());
    fs::remove_all(moved);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { directory.require(); }), HasSubstr("removed, and its record"));
    EXPECT_FALSE(directory.still_ours());
    for (const char* lock : {".lock", ".lock.held"}) fs::remove(path / lock);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { other.require(); }),
                AllOf(HasSubstr("its .lock was removed"), HasSubstr("go on from the last checkpoint with --resume")));
}

TEST(RunDirectory, that_is_not_empty_is_refused_fresh_and_kept) {
    const Folder folder;
    touch(folder.path() / "thesis.tex");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path(), Opening::fresh); }),
                HasSubstr("is not empty: use --resume to go on, or give another --output"));
    EXPECT_EQ(contents(folder.path()), std::set<std::string>{"thesis.tex"});
}

TEST(RunDirectory, of_a_start_that_failed_takes_another_start_and_a_resume) {
    const Folder folder;
    for (const char* name :
         {".lock", "config.toml", "config.toml.tmp", "run.log", "summary.json", "checkpoint/cycle-00000002/state-1.h5"})
        touch(folder.path() / name);
    fs::create_directory(folder.path() / "record");
    { const RunDirectory directory(folder.path(), Opening::fresh); }
    { const RunDirectory directory(folder.path(), Opening::resume); }
    EXPECT_TRUE(fs::exists(folder.path() / "run.log"));
    touch(folder.path() / "record" / "cycles-00000000-00000001.h5");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path(), Opening::fresh); }),
                HasSubstr("is not empty"));
}

TEST(RunDirectory, leftovers_of_a_killed_job_are_removed_and_nothing_else_is) {
    const Folder folder;
    make_run(folder.path());
    const std::vector<std::string> leftovers{"run.h5.tmp", "history.h5.tmp", "record/cycles-00000005-00000009.h5.tmp",
                                             "checkpoint/cycle-00000001/state-2.h5.tmp",
                                             "checkpoint/cycle-00000001/index.h5.tmp"};
    const std::vector<std::string> others{"thesis.tmp", "record/notes.tmp", "checkpoint/cycle-00000001/index.h5",
                                          "checkpoint/mine/state-2.h5.tmp"};
    for (const std::string& name : leftovers) touch(folder.path() / name);
    for (const std::string& name : others) touch(folder.path() / name);
    const RunDirectory directory(folder.path(), Opening::resume);
    for (const std::string& name : leftovers) EXPECT_FALSE(fs::exists(folder.path() / name)) << name;
    for (const std::string& name : others) EXPECT_TRUE(fs::exists(folder.path() / name)) << name;
}

TEST(RunDirectory, overwrite_removes_a_runs_own_files_alone) {
    const Folder folder;
    make_run(folder.path());
    touch(folder.path() / "notes.txt");
    touch(folder.path() / "checkpoint" / "mine" / "notes.txt");
    const RunDirectory directory(folder.path(), Opening::overwrite);
    EXPECT_EQ(contents(folder.path()), (std::set<std::string>{".lock", "checkpoint", "notes.txt"}));
    EXPECT_EQ(contents(folder.path() / "checkpoint"), std::set<std::string>{"mine"});
}

TEST(RunDirectory, what_symbolic_links_lead_to_is_neither_removed_nor_written) {
    const Folder folder, other;
    make_run(other.path());
    touch(other.path() / "record" / "cycles-00000001-00000001.h5.tmp");
    const auto before = contents(other.path() / "record");
    for (const char* name : {"config.toml", ".lock"}) touch(folder.path() / name);
    for (const char* name : {"record", "checkpoint", "run.h5", "summary.json"})
        fs::create_symlink(other.path() / name, folder.path() / name);
    { const RunDirectory directory(folder.path(), Opening::resume); }
    EXPECT_EQ(contents(other.path() / "record"), before);
    { const RunDirectory directory(folder.path(), Opening::overwrite); }
    EXPECT_EQ(contents(folder.path()), std::set<std::string>{".lock"});
    EXPECT_EQ(contents(other.path() / "record"), before);
    EXPECT_TRUE(fs::exists(other.path() / "checkpoint/cycle-00000001/index.h5"));
    EXPECT_TRUE(fs::exists(other.path() / "run.h5"));

    fs::remove(folder.path() / ".lock");
    fs::create_symlink(other.path() / "config.toml", folder.path() / ".lock");
    EXPECT_THAT(message_of(ExitCode::failure, [&] { RunDirectory(folder.path(), Opening::overwrite); }),
                HasSubstr("is a symbolic link"));
    EXPECT_EQ(fs::file_size(other.path() / "config.toml"), 1U);
}

TEST(RunDirectory, may_be_a_symbolic_link_itself) {
    const Folder folder;
    make_run(folder.path() / "there");
    fs::create_directory_symlink("there", folder.path() / "link");
    const RunDirectory directory(folder.path() / "link", Opening::resume);
    EXPECT_TRUE(directory.still_ours());
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { RunDirectory(folder.path() / "there", Opening::resume); }),
                HasSubstr("another job holds"));
    fs::remove(folder.path() / "link");
    fs::create_directory_symlink(".", folder.path() / "link");
    EXPECT_FALSE(directory.still_ours());
}

TEST(RunDirectory, link_that_leads_nowhere_is_refused) {
    const Folder folder;
    fs::create_directory_symlink("nowhere", folder.path() / "link");
    for (const Opening opening : {Opening::fresh, Opening::overwrite})
        EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path() / "link", opening); }),
                    HasSubstr("is a link to what isn't there"));
    EXPECT_FALSE(fs::exists(folder.path() / "nowhere"));
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
    auto expected = contents(folder.path());
    expected.erase("summary.json.tmp");
    const RunDirectory directory(folder.path(), Opening::resume);
    EXPECT_EQ(contents(folder.path()), expected);
}

TEST(RunDirectory, file_in_its_place_is_refused) {
    const Folder folder;
    touch(folder.path() / "file");
    EXPECT_THAT(message_of(ExitCode::usage, [&] { RunDirectory(folder.path() / "file", Opening::fresh); }),
                HasSubstr("is no directory"));
    EXPECT_THAT(message_of(ExitCode::failure, [&] { RunDirectory(folder.path() / "file" / "run", Opening::fresh); }),
                HasSubstr("cannot make the run directory"));
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

TEST(RunDirectory, is_no_longer_ours_once_it_was_removed_or_replaced) {
    const Folder folder;
    const fs::path path = folder.path() / "run";
    const RunDirectory first(path, Opening::fresh);
    EXPECT_TRUE(first.still_ours());
    fs::remove_all(path);
    EXPECT_FALSE(first.still_ours());
    const RunDirectory second(path, Opening::fresh);
    EXPECT_FALSE(first.still_ours());
    EXPECT_TRUE(second.still_ours());
}

TEST(RunDirectory, warns_just_where_there_is_no_flock) {
    const Folder folder;
    const RunDirectory directory(folder.path(), Opening::fresh);
    EXPECT_EQ(directory.warning().empty(), !std::getenv("NO_FLOCK")) << directory.warning();
}

// What a holder of the directory leaves where there is no flock.
void leave_lock(const fs::path& path, const std::string& holder) {
    std::ofstream(path / ".lock.held") << holder << '\n';
}

TEST(RunDirectory, without_flock_the_lock_of_a_job_that_may_live_is_refused_and_says_what_to_remove) {
    if (!std::getenv("NO_FLOCK")) GTEST_SKIP() << "flock is to be had: record.without_flock runs this";
    const Folder folder;
    make_run(folder.path());
    for (const char* holder :
         {"host elsewhere, process 7, start 8, job none, restart 0, since then", "no words of ours",
          "host elsewhere, process 7, start 8, job 42, restart 1, since then"}) {
        leave_lock(folder.path(), holder);
        ::setenv("SLURM_JOB_ID", "42", 1); // another step of the same job may live
        ::setenv("SLURM_RESTART_COUNT", "1", 1);
        const std::string message =
            message_of(ExitCode::checkpoint, [&] { RunDirectory(folder.path(), Opening::resume); });
        EXPECT_THAT(message, HasSubstr(holder));
        EXPECT_THAT(message, HasSubstr("if that job has ended, remove " + (folder.path() / ".lock.held").string()));
    }
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}

TEST(RunDirectory, without_flock_the_lock_of_a_requeued_job_and_of_another_life_of_this_host_are_taken_over) {
    if (!std::getenv("NO_FLOCK")) GTEST_SKIP() << "flock is to be had: record.without_flock runs this";
    const Folder folder;
    make_run(folder.path());
    leave_lock(folder.path(), "host elsewhere, process 7, start 8, job 42, restart 0, since then");
    ::setenv("SLURM_JOB_ID", "42", 1);
    ::setenv("SLURM_RESTART_COUNT", "1", 1);
    { const RunDirectory directory(folder.path(), Opening::resume); }
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
    const std::string alive = std::to_string(::getpid()), host = host_name();
    leave_lock(folder.path(), "host " + host + ", process " + alive + ", start 8, job none, restart 0, since then");
    { const RunDirectory directory(folder.path(), Opening::resume); }
    EXPECT_FALSE(fs::exists(folder.path() / ".lock.held"));
}

TEST(RunDirectory, that_may_not_be_written_to_is_called_so) {
    const Folder folder;
    fs::permissions(folder.path(), fs::perms(0555));
    const bool root = ::geteuid() == 0; // who may write everywhere
    ASSERT_EQ(root ? ::seteuid(65534) : 0, 0);
    EXPECT_THAT(message_of(ExitCode::failure, [&] { RunDirectory(folder.path(), Opening::fresh); }),
                HasSubstr("Permission denied"));
    ASSERT_EQ(root ? ::seteuid(0) : 0, 0);
    fs::permissions(folder.path(), fs::perms(0755));
}

} // namespace
} // namespace autosampling::example
