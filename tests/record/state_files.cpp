#include "autosampling/record/checkpoint.hpp"

#include "autosampling/record/hdf5.hpp"
#include "example_run.hpp"

#include <gmock/gmock.h>

namespace autosampling::example {
namespace {

using testing::HasSubstr;

TEST(StateFiles, round_trip_holds_the_layout) {
    const Folder folder;
    const std::vector<float> state{0, 1, 2, 3, 4, 5, 6, 7, 8};
    const std::vector<StateTensor> layout{
        {"conv1.weight", {1, 2, 3, 1}, 2, true}, {"scalar", {}, 8, false}, {"fc.bias", {2}, 0, false}};
    write_state(folder.path(), 7, state, layout);
    const StateFile found = read_state_file(folder.path() / "state-7.h5");
    EXPECT_EQ(found.state, state);
    ASSERT_EQ(found.layout.size(), layout.size());
    for (std::size_t k = 0; k < layout.size(); ++k) {
        EXPECT_EQ(found.layout[k].name, layout[k].name);
        EXPECT_EQ(found.layout[k].shape, layout[k].shape);
        EXPECT_EQ(found.layout[k].offset, layout[k].offset);
        EXPECT_EQ(found.layout[k].channels_last, layout[k].channels_last);
    }
}

TEST(StateFiles, with_a_tensor_outside_the_state_are_refused) {
    const Folder folder;
    constexpr std::int64_t huge = std::int64_t{1} << 40;
    const std::vector<StateTensor> wrong{{"a", {4}, 7, false},
                                         {"b", {2}, -1, false},
                                         {"c", {huge, huge}, 0, false},
                                         {"d", {-3}, 0, false},
                                         {"e", {2, 2}, 0, true}};
    for (const StateTensor& tensor : wrong) {
        write_state(folder.path(), 0, std::vector<float>(10), {&tensor, 1});
        try {
            read_state_file(folder.path() / "state-0.h5");
            ADD_FAILURE() << tensor.name << " was taken";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::checkpoint);
            EXPECT_THAT(error.what(), HasSubstr("layout that can't be (" + tensor.name));
        }
    }
}

} // namespace
} // namespace autosampling::example
