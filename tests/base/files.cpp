#include "autosampling/base/files.hpp"

#include "autosampling/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
  protected:
    Files() {
        std::string name = (fs::temp_directory_path() / "a folder XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        folder = name;
    }
    ~Files() override { fs::remove_all(folder); }

    fs::path folder;
};

TEST_F(Files, what_is_written_is_read_back) {
    const std::string content("line\r\n\0\xff end", 13);
    write_file(folder / "f", content);
    EXPECT_EQ(read_file(folder / "f"), content);
    write_file(folder / "f", "");
    EXPECT_EQ(read_file(folder / "f"), "");
    EXPECT_FALSE(fs::exists(temporary_name(folder / "f")));
}

TEST_F(Files, a_symbolic_link_is_replaced_and_what_it_leads_to_stays) {
    write_file(folder / "elsewhere", "theirs");
    for (const fs::path& name : {folder / "f", temporary_name(folder / "f")}) {
        fs::create_symlink(folder / "elsewhere", name);
        write_file(folder / "f", "ours");
        EXPECT_EQ(read_file(folder / "elsewhere"), "theirs");
        EXPECT_EQ(read_file(folder / "f"), "ours");
        EXPECT_FALSE(fs::is_symlink(folder / "f"));
        fs::remove(folder / "f");
    }
}

TEST_F(Files, the_temporary_name_ends_in_tmp) {
    EXPECT_EQ(temporary_name("run.d/cycles-0.h5"), fs::path("run.d/cycles-0.h5.tmp"));
}

TEST_F(Files, publishing_replaces_the_old_file) {
    write_file(folder / "f", "old");
    std::ofstream(temporary_name(folder / "f")) << "new";
    EXPECT_EQ(read_file(folder / "f"), "old");
    publish(folder / "f");
    EXPECT_EQ(read_file(folder / "f"), "new");
}

TEST_F(Files, publishing_works_in_the_current_folder) {
    const fs::path before = fs::current_path();
    fs::current_path(folder);
    write_file("f", "here");
    EXPECT_EQ(read_file(folder / "f"), "here");
    fs::current_path(before);
}

TEST_F(Files, a_file_with_a_final_name_is_whole_after_a_kill) {
    const std::string old_content(300'000, 'a');
    const std::string new_content(400'000, 'b');
    for (int delay = 0; delay < 20; ++delay) {
        write_file(folder / "f", old_content);
        const pid_t child = fork();
        if (child == 0)
            for (;;) write_file(folder / "f", new_content);
        std::this_thread::sleep_for(std::chrono::microseconds(200 * delay));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        const std::string found = read_file(folder / "f");
        EXPECT_TRUE(found == old_content || found == new_content) << found.size() << " bytes";
    }
}

TEST_F(Files, a_failed_write_leaves_the_old_file) {
    write_file(folder / "f", "old");
    // Stands for a full disk.
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{1000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    EXPECT_THROW(write_file(folder / "f", std::string(5000, 'b')), Error);
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(read_file(folder / "f"), "old");
    EXPECT_FALSE(fs::exists(temporary_name(folder / "f")));
}

TEST_F(Files, errors_name_the_path_and_the_cause) {
    const auto message_of = [](auto action) -> std::string {
        try {
            action();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::failure);
            return error.what();
        }
        return "no error";
    };
    const fs::path missing = folder / "missing" / "f";
    for (const auto& message :
         {message_of([&] { read_file(missing); }), message_of([&] { write_file(missing, "x"); }),
          message_of([&] { publish(missing); }), message_of([&] { sync_folder(missing.parent_path()); })}) {
        EXPECT_THAT(message, ::testing::HasSubstr(missing.parent_path().string()));
        EXPECT_THAT(message, ::testing::HasSubstr("No such file or directory"));
    }
    EXPECT_THAT(message_of([&] { read_file(folder); }), ::testing::HasSubstr("Is a directory"));
}

} // namespace
} // namespace autosampling
