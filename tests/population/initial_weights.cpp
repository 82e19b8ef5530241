#include "autosampling/population/initial_weights.hpp"

#include "population/small_run.hpp"

#include "autosampling/record/checkpoint.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

ModelOptions from_file(const std::string& name, const std::string& init) {
    ModelOptions options;
    options.name = name;
    options.init = init;
    return options;
}

const Shape shape{8, 8, 1}; // of small_options

// A network with weights of a seed, in its state.
struct Model {
    explicit Model(std::uint64_t seed, const std::string& name = "mlp", int classes = 10)
        : network(make_network(name, shape, classes)), state(*network, at::kCPU) {
        network->initialise(seed);
    }
    std::shared_ptr<Network> network;
    FlatState state;
};

// Writes a state file with the tensors in reverse, each as it lies in memory or in PyTorch's logical order.
std::string write_reversed(const std::filesystem::path& folder, FlatState& state, bool logical) {
    std::vector<float> values;
    std::vector<StateTensor> layout;
    for (auto entry = state.layout().rbegin(); entry != state.layout().rend(); ++entry) {
        const bool channels_last = entry->channels_last && !logical;
        layout.push_back({entry->name, entry->shape, std::ssize(values), channels_last});
        at::Tensor tensor = view_of(*entry, state.buffer()).detach();
        if (channels_last) tensor = tensor.permute({0, 2, 3, 1});
        tensor = tensor.contiguous();
        values.insert(values.end(), tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel());
    }
    write_state(folder, 0, values, layout);
    return (folder / "state-0.h5").string();
}

std::string refusal(FlatState& state, const ModelOptions& model) {
    try {
        load_initial_weights(state, model);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage);
        return error.what();
    }
    return "none";
}

class InitialWeights : public ::testing::Test {
  protected:
    const SharedFolder folder; // each test uses it on the root alone, but for the last
};

TEST_F(InitialWeights, go_by_name_whatever_their_order_in_the_file) {
    if (!world().is_root()) return;
    for (const bool logical : {false, true}) {
        Model given(1, "convnet"), taking(2, "convnet");
        given.state.buffer().add_(0.25); // batch norm and momentum, too
        taking.state.momentum().fill_(3);
        load_initial_weights(taking.state,
                             from_file("convnet", write_reversed(folder / "state", given.state, logical)));
        for (const StateTensor& entry : taking.state.layout()) {
            const at::Tensor tensor = view_of(entry, taking.state.buffer());
            if (entry.name.starts_with("momentum."))
                EXPECT_TRUE(tensor.eq(3).all().item<bool>()) << entry.name;
            else
                EXPECT_TRUE(tensor.equal(view_of(entry, given.state.buffer()))) << entry.name;
        }
    }
}

TEST_F(InitialWeights, of_another_network_are_refused_tensor_by_tensor) {
    if (!world().is_root()) return;
    Model taking(2);
    Model head(1, "mlp", 3);
    EXPECT_THAT(refusal(taking.state, from_file("mlp", write_reversed(folder / "state", head.state, false))),
                AllOf(HasSubstr("fc2.weight is 3 × 128, not 10 × 128"), HasSubstr("fc2.bias is 3, not 10")));
    Model other(1, "convnet");
    EXPECT_THAT(refusal(taking.state, from_file("mlp", write_reversed(folder / "state", other.state, false))),
                AllOf(HasSubstr("fc1.weight is missing"), HasSubstr("bn1.running_mean is not in the network")));
}

TEST_F(InitialWeights, of_another_kind_are_refused_with_what_they_are_and_what_to_give) {
    run_on(world().size(), small_options(), folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    const auto file_of = [&](const std::string& name, const std::string& content) {
        std::ofstream(folder / name, std::ios::binary) << content;
        return (folder / name).string();
    };
    using namespace std::string_literals;
    const std::string import = "autosampling-analyse import ";
    Model taking(2);
    for (const auto& [path, found] : std::map<std::string, std::string>{
             {file_of("zip.pt", "PK\3\4" + std::string(26, '\1') + "archive/data.pkl and so on"),
              "(found: a zip archive, as torch.save writes it)"},
             {file_of("arrays.npz", "PK\3\4" + std::string(26, '\1') + "arr_0.npy and so on"),
              "(found: a zip archive)"},
             {"/dev/null", "(found: a device or a pipe)"},
             {std::string(300, 'x'), "(found: nothing)"},
             {file_of("old.pt", "\x80\2\x8a\nl\xfc\x9c\x46\xf9 and so on"), "a pickle"},
             {file_of("weights.safetensors", "\x48\0\0\0\0\0\0\0{\"fc1\": 1}"s), "a safetensors file"},
             {file_of("keras.h5", "\x89HDF\r\n\x1a\n of another program"),
              "an HDF5 file that this program didn't write"},
             {file_of("empty", ""), "an empty file"},
             {file_of("text", "[model]"), "unknown here"}})
        EXPECT_THAT(refusal(taking.state, from_file("mlp", path)), AllOf(HasSubstr(found), HasSubstr(import + path)));
    EXPECT_THAT(refusal(taking.state, from_file("mlp", (folder / "none.h5").string())),
                AllOf(HasSubstr("found: nothing"), HasSubstr(import)));

    const auto run = folder / "run";
    const auto last = checkpoint_folder(run, read_record(run).cycles.back().cycle + 1);
    const std::string weights = "give " + (last / "state-").string();
    for (const auto& [path, found] :
         std::map<std::filesystem::path, std::string>{{run, "a folder"}, {run / "run.h5", "autosampling run"}})
        EXPECT_THAT(refusal(taking.state, from_file("mlp", path.string())),
                    AllOf(HasSubstr(found), HasSubstr(weights)));
    EXPECT_THAT(refusal(taking.state, from_file("mlp", (last / "index.h5").string())),
                AllOf(HasSubstr("autosampling checkpoint"), HasSubstr("give a state-<number>.h5")));
}

TEST_F(InitialWeights, that_are_not_finite_or_have_a_negative_variance_are_refused) {
    if (!world().is_root()) return;
    Model given(1), taking(2);
    given.state.host()[5] = std::nanf("");
    EXPECT_THAT(refusal(taking.state, from_file("mlp", write_reversed(folder / "state", given.state, false))),
                HasSubstr("not all finite"));
    Model norm(1, "convnet"), norm_taking(2, "convnet");
    for (const StateTensor& entry : norm.state.layout())
        if (entry.name == "bn2.running_var") view_of(entry, norm.state.buffer())[3] = -1e-3;
    EXPECT_THAT(refusal(norm_taking.state, from_file("convnet", write_reversed(folder / "norm", norm.state, false))),
                HasSubstr("bn2.running_var"));
}

TEST_F(InitialWeights, are_those_of_every_member_of_a_run) {
    Options options = small_options();
    const int ranks = world().size();
    run_on(ranks, options, folder / "random", Opening::fresh);
    for (const std::uint64_t seed : {options.run.seed, options.run.seed + 1}) {
        const auto name = std::to_string(seed);
        options.model.init = (folder / ("of " + name) / "state-0.h5").string();
        world().on_root([&] {
            Model model(seed);
            write_reversed(folder / ("of " + name), model.state, false);
        });
        run_on(ranks, options, folder / name, Opening::fresh);
    }
    if (!world().is_root()) return;
    expect_equal_records(folder / "random", folder / std::to_string(options.run.seed));
    EXPECT_NE(read_record(folder / "random").cycles.front().train_loss,
              read_record(folder / std::to_string(options.run.seed + 1)).cycles.front().train_loss);
}

} // namespace
} // namespace autosampling
