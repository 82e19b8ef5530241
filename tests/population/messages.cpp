// What a run says while it goes on, and when it can't.
#include "population/small_run.hpp"

#include "autosampling/base/files.hpp"
#include "autosampling/training/trainer.hpp"

#include <chrono>
#include <string>
#include <thread>

namespace autosampling::testing {
namespace {

TEST(Messages, a_time_out_names_the_cycle) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const SharedFolder folder;
    Options options = small_options();
    options.run.output = (folder / "run").string();
    Communicator comm(world().raw());
    comm.set_timeout(std::chrono::seconds(4));
    const bool silent = comm.rank() == comm.size() - 1;
    Log log(comm.rank());
    const volatile std::sig_atomic_t never = 0;
    std::string message;
    try {
        run_population(comm, options, Opening::fresh, never, log, [&](std::int32_t, std::int64_t cycle, int, Trainer&) {
            if (silent && cycle == 3) std::this_thread::sleep_for(std::chrono::seconds(10));
        });
    } catch (const Error& error) {
        message = error.what();
    }
    EXPECT_TRUE(silent || message.find("of cycle 3") != std::string::npos) << message;
    world().barrier();
}

TEST(Messages, debug_lines_tell_of_each_member) {
    const SharedFolder folder;
    Options options = small_options();
    options.run.log_level = LogLevel::debug;
    options.training.epochs = 0.2;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    const std::string log = read_file(folder / "run" / "run.log");
    for (const char* words : {"debug cycle 0: member 3 ", "goes on from member ", "waited "})
        EXPECT_NE(log.find(words), std::string::npos) << words;
}

} // namespace
} // namespace autosampling::testing
