// GoogleTest's main for tests that run on several ranks; see mpi_test.hpp.
#include "harness/mpi_test.hpp"

#include "autosampling/comm/mpi_environment.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace autosampling::testing {
namespace {

constexpr std::chrono::seconds timeout{240}; // below the tests' own, so that a deadlock names its ranks

// Set by main for as long as MPI runs.
const Communicator* world_ = nullptr;

enum class Result : int { passed, skipped, failed };

// Keeps the ranks together from test to test, and prints what became of each: passes once, failures of every rank.
class MpiPrinter : public ::testing::EmptyTestEventListener {
  public:
    explicit MpiPrinter(const Communicator& comm) : comm_(comm) {}

    // Whether every test that was not skipped passed on all ranks, and there was one.
    bool all_passed() const { return failed_.empty() && passed_ > 0; }

    void OnTestProgramStart(const ::testing::UnitTest& all) override {
        say("[==========] ", all.test_to_run_count(), " tests on ", comm_.size(), " ranks");
    }

    void OnTestStart(const ::testing::TestInfo& test) override {
        comm_.barrier();
        say("[ RUN      ] ", name_of(test));
    }

    void OnTestPartResult(const ::testing::TestPartResult& part) override {
        if (!part.failed() && !part.skipped()) return;
        if (part.skipped() && !comm_.is_root()) return;
        const char* file = part.file_name() == nullptr ? "unknown file" : part.file_name();
        print(text("[rank ", comm_.rank(), "] ", file, ":", part.line_number(), ": ", part.message()));
    }

    void OnTestEnd(const ::testing::TestInfo& test) override {
        const ::testing::TestResult& result = *test.result();
        const auto mine = result.Failed() ? Result::failed : result.Skipped() ? Result::skipped : Result::passed;
        const std::vector<Result> all = comm_.all_gather(std::span(&mine, 1));
        switch (*std::max_element(all.begin(), all.end())) {
        case Result::passed:
            ++passed_;
            say("[       OK ] ", name_of(test), " (", result.elapsed_time(), " ms)");
            break;
        case Result::skipped:
            skipped_.push_back(name_of(test));
            say("[  SKIPPED ] ", name_of(test));
            break;
        case Result::failed:
            failed_.push_back(name_of(test));
            say("[  FAILED  ] ", name_of(test));
            break;
        }
    }

    void OnTestProgramEnd(const ::testing::UnitTest&) override {
        say("[==========] ", passed_, " passed, ", skipped_.size(), " skipped, ", failed_.size(), " failed");
        for (const std::string& name : skipped_) say("[  SKIPPED ] ", name);
        for (const std::string& name : failed_) say("[  FAILED  ] ", name);
        if (passed_ == 0) say("[  FAILED  ] no test ran");
    }

  private:
    static std::string name_of(const ::testing::TestInfo& test) {
        return text(test.test_suite_name(), ".", test.name());
    }

    static void print(const std::string& line) {
        std::puts(line.c_str());
        std::fflush(stdout);
    }

    template<class... Args>
    void say(const Args&... args) const {
        if (comm_.is_root()) print(text(args...));
    }

    const Communicator& comm_;
    int passed_ = 0;
    std::vector<std::string> skipped_;
    std::vector<std::string> failed_;
};

// The exit status. Collective over `comm`.
int run_tests(const Communicator& comm) {
    // Ours instead of GoogleTest's; the list of listeners owns it.
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    auto* printer = new MpiPrinter(comm);
    listeners.Append(printer);
    return RUN_ALL_TESTS() == 0 && printer->all_passed() ? 0 : 1;
}

} // namespace

const Communicator& world() {
    return *world_;
}

void on_first_ranks(int size, const std::function<void(const Communicator&)>& test) {
    EXPECT(size >= 1 && size <= world().size());
    const bool included = world().rank() < size;
    const Communicator part = world().split(included ? 0 : 1);
    if (included) test(part);
    world().barrier();
}

static int run(int argc, char** argv) {
    const MpiEnvironment mpi(argc, argv);
    try {
        ::testing::InitGoogleTest(&argc, argv);
        // An exception on one rank would leave the others waiting for it.
        GTEST_FLAG_SET(catch_exceptions, false);
        Communicator tests(MPI_COMM_WORLD);
        Communicator between_tests(MPI_COMM_WORLD);
        refuse_singletons(tests.size());
        tests.set_timeout(timeout);
        between_tests.set_timeout(timeout);
        world_ = &tests;
        return run_tests(between_tests);
    } catch (const std::exception& error) {
        int rank = 0;
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        std::fprintf(stderr, "[rank %d] uncaught exception: %s\n", rank, error.what());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    return 1;
}

} // namespace autosampling::testing

int main(int argc, char** argv) {
    return autosampling::testing::run(argc, argv);
}
