#include "autosampling/comm/node.hpp"
#include "autosampling/base/cores.hpp"
#include "autosampling/comm/core_use.hpp"
#include "autosampling/comm/mpi_environment.hpp"
#include "harness/mpi_test.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <unistd.h>

namespace autosampling::testing {
namespace {

namespace fs = std::filesystem;

// A folder for the test, the same on all ranks of the node; empty where it was.
class SharedFolder {
  public:
    explicit SharedFolder(const Communicator& node) : node_(node) {
        std::string name = (fs::temp_directory_path() / "node test.XXXXXX").string();
        if (node.is_root() && mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
        node.broadcast(std::span(name.data(), name.size()), 0);
        path = name;
    }
    ~SharedFolder() {
        EXPECT_TRUE(fs::is_empty(path)); // no file is left
        node_.barrier();
        if (node_.is_root()) fs::remove(path);
    }
    SharedFolder(const SharedFolder&) = delete;
    SharedFolder& operator=(const SharedFolder&) = delete;

    fs::path path;

  private:
    const Communicator& node_;
};

std::size_t wrong_bytes(const SharedMemory& memory) {
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < memory.bytes().size(); ++i)
        wrong += memory.bytes()[i] != static_cast<std::byte>(i % 251);
    return wrong;
}

void write_bytes(const SharedMemory& memory) {
    for (std::size_t i = 0; i < memory.bytes().size(); ++i) memory.bytes()[i] = static_cast<std::byte>(i % 251);
}

TEST(SharedMemory, without_room_in_a_folder_the_next_is_taken_and_in_the_end_a_copy) {
    const Communicator node = world().split_by_node();
    const SharedFolder folder(node);
    const std::vector<std::vector<fs::path>> choices{
        {folder.path}, {folder.path / "missing", folder.path}, {folder.path / "missing"}, {}};
    const std::vector<std::string> said{"", "a mapped file in " + folder.path.string(), "each rank has a copy",
                                        "each rank has a copy"};
    for (std::size_t i = 0; i < choices.size(); ++i) {
        SharedMemory memory(node, 100'003, choices[i]);
        ASSERT_EQ(memory.bytes().size(), 100'003U);
        if (node.is_root()) write_bytes(memory);
        memory.publish(node);
        EXPECT_EQ(wrong_bytes(memory), 0U);
        if (!node.is_root()) continue;
        EXPECT_THAT(memory.remark(), ::testing::HasSubstr(said[i]));
        EXPECT_EQ(memory.remark().empty(), i == 0);
    }
}

TEST(SharedMemory, more_than_the_machine_has_is_an_error_with_both_numbers) {
    const Communicator node = world().split_by_node();
    const SharedFolder folder(node);
    try {
        SharedMemory(node, std::size_t{1} << 50, {folder.path});
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::failure);
        EXPECT_FALSE(error.agreed());
        EXPECT_THAT(error.what(), ::testing::HasSubstr("1125899907 MB"));
        if (!node.is_root()) return;
        EXPECT_THAT(error.what(), ::testing::ContainsRegex(folder.path.filename().string() + ": [0-9]+ MB free"));
    }
}

TEST(SharedMemory, every_rank_sees_what_the_nodes_first_rank_wrote) {
    const Communicator node = world().split_by_node();
    constexpr std::size_t length = 1'000'003;
    SharedMemory memory(node, node.is_root() ? length : 1); // what other ranks pass does not count
    ASSERT_EQ(memory.bytes().size(), length);
    if (node.is_root()) write_bytes(memory);
    memory.publish(node);
    EXPECT_EQ(wrong_bytes(memory), 0U);

    // It is one piece of memory, not a copy a rank.
    node.barrier();
    if (node.rank() == node.size() - 1) memory.bytes()[0] = std::byte{252};
    memory.publish(node);
    EXPECT_EQ(memory.bytes()[0], std::byte{252});
}

TEST(SharedMemory, may_be_empty_and_may_move) {
    const Communicator node = world().split_by_node();
    SharedMemory first(node, 0);
    EXPECT_TRUE(first.bytes().empty());
    SharedMemory second(node, 16);
    const std::byte* const start = second.bytes().data();
    std::swap(first, second);
    EXPECT_EQ(first.bytes().data(), start);
    EXPECT_EQ(first.bytes().size(), 16U);
}

TEST(Cores, the_most_crowded_are_those_of_a_rank_or_of_its_node) {
    const Communicator node = world().split_by_node();
    const int ranks = world().size();
    const auto use = [&](std::int64_t threads, const std::vector<int>& cores) {
        const CoreUse found = most_crowded(world(), node, threads, cores);
        return std::pair(found.threads, found.cores);
    };
    const std::vector<int> own{2 * world().rank(), 2 * world().rank() + 1};
    EXPECT_EQ(use(8, own), std::pair(std::int64_t{8}, std::int64_t{2}));
    EXPECT_EQ(use(1, {5}), std::pair(std::int64_t{ranks}, std::int64_t{1}));
    EXPECT_FALSE(allowed_cores().empty());
}

// Sets an environment variable for its life.
class Setting {
  public:
    Setting(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        if (value == nullptr)
            unsetenv(name);
        else
            setenv(name, value, 1);
    }
    ~Setting() {
        if (before_.empty())
            unsetenv(name_);
        else
            setenv(name_, before_.c_str(), 1);
    }
    Setting(const Setting&) = delete;
    Setting& operator=(const Setting&) = delete;

  private:
    const char* name_;
    std::string before_;
};

// No launcher but what a test sets.
struct NoLauncher {
    Setting open_mpi{"OMPI_COMM_WORLD_SIZE", nullptr};
    Setting hydra{"PMI_SIZE", nullptr};
    Setting hydra_rank{"PMI_RANK", nullptr};
    Setting connection{"PMI_FD", nullptr};
    Setting port{"PMI_PORT", nullptr};
    Setting step{"SLURM_STEP_NUM_TASKS", nullptr};
};

TEST(Singletons, of_a_launcher_that_does_not_fit_are_refused) {
    for (const char* variable : {"PMI_SIZE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"}) {
        const NoLauncher none;
        const Setting connection("PMI_FD", "2");
        const Setting several(variable, "4");
        EXPECT_NO_THROW(refuse_singletons(4));
        try {
            refuse_singletons(1);
            ADD_FAILURE() << variable << " was not looked at";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::usage);
            EXPECT_THAT(error.what(), ::testing::HasSubstr(text(variable, " = 4")));
            EXPECT_THAT(error.what(), ::testing::HasSubstr(text("unset ", variable)));
        }
    }
}

TEST(Singletons, one_rank_by_a_launcher_inside_a_larger_step_is_accepted) {
    const NoLauncher none;
    const Setting step("SLURM_STEP_NUM_TASKS", "4");
    for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
        const Setting own(variable, "1");
        EXPECT_NO_THROW(refuse_singletons(1)) << variable;
    }
}

TEST(Singletons, a_size_left_over_from_elsewhere_is_not_believed) {
    const NoLauncher none;
    const Setting several("PMI_SIZE", "4");
    EXPECT_NO_THROW(refuse_singletons(1));
    const Setting closed("PMI_FD", "1000000");
    EXPECT_NO_THROW(refuse_singletons(1));
}

TEST(Singletons, only_the_first_process_of_a_step_says_it) {
    const NoLauncher none;
    const Setting step("SLURM_STEP_NUM_TASKS", "4");
    const Setting process("SLURM_TASK_PID", std::to_string(getpid()).c_str());
    for (const char* number : {"0", "1"}) {
        const Setting own("SLURM_PROCID", number);
        try {
            refuse_singletons(1);
            ADD_FAILURE() << "not refused";
        } catch (const Error& error) {
            EXPECT_EQ(std::string(error.what()).empty(), std::string(number) != "0");
        }
    }
}

} // namespace
} // namespace autosampling::testing
