#include "autosampling/population/node_data.hpp"

#include "small_run.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace autosampling::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(NodeData, folder_for_copies_that_another_job_keeps_ends_the_start_saying_why) {
    const SharedFolder folder;
    DataOptions options;
    options.name = "mnist";
    options.path = TEST_DATA "/mnist-10k";
    options.stage = (folder / "stage").string();
    int other = -1;
    world().on_root([&] {
        std::filesystem::create_directory(options.stage);
        other = ::open(options.stage.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT_EQ(::flock(other, LOCK_EX), 0);
    });
    Communicator comm = world().split(0);
    const Communicator node = comm.split_by_node();
    const DatasetPlan plan = plan_together(comm, options, 1);
    Log log(comm.rank());
    log.set_level(LogLevel::error);
    comm.set_timeout(std::chrono::seconds(4));
    const std::string message = refusal_as(ExitCode::failure, [&] { NodeData(comm, node, plan, log); });
    EXPECT_THAT(message, AllOf(HasSubstr(options.stage), HasSubstr("4 s (run.collective_timeout)")));
    if (other >= 0) ::close(other);
}

} // namespace
} // namespace autosampling::testing
