#include "autosampling/training/script.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"
#include "images.hpp"
#include "scripts.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace autosampling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Shape small{16, 16, 3};

// A network for images of 16 × 16 × 3 and 10 classes, in a file that goes with it.
class Script {
  public:
    explicit Script(const std::string& body, const ScriptChange& change = {})
        : name_(save_script(file(), 768, body, change)) {}
    ~Script() { std::filesystem::remove(file()); }
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;

    const std::string& name() const { return name_; }

    static std::string file() {
        const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
        return testing::TempDir() + test->test_suite_name() + "." + test->name() + "." + std::to_string(getpid()) +
               ".pt";
    }

  private:
    std::string name_;
};

const char* const linear = "  return torch.matmul(torch.flatten(x, 1), self.weight)\n";

// Its logits depend on what it draws, and on how many batches it was trained with.
const char* const restless = "  if self.training:\n"
                             "    self.seen.add_(1)\n"
                             "  h = torch.dropout(torch.flatten(x, 1), 0.5, self.training)\n"
                             "  return torch.matmul(h, self.weight) * (1.0 + 0.1 * self.seen)\n";

CycleResult train(Trainer& trainer, std::uint32_t cycle, std::span<const std::uint32_t> indices) {
    return trainer.train({.indices = indices,
                          .first_batch = 4 * cycle,
                          .augmentation = {.seed = 7, .purpose = Purpose::augmentation, .cycle = cycle}});
}

std::vector<std::string> names(const FlatState& state) {
    std::vector<std::string> result;
    for (const StateTensor& entry : state.layout()) result.push_back(entry.name);
    return result;
}

TEST(Script, learns_from_the_weights_of_its_file) {
    const Script script(linear);
    const Images images(Images::small());
    Trainer trainer(trainer_options(script.name(), 20), images.dataset, images.split);
    EXPECT_THAT(names(trainer.state()), ElementsAre("weight", "momentum.weight", "seen"));
    EXPECT_TRUE(trainer.state().parameters().equal(at::linspace(-0.01, 0.01, 7680)));
    const auto indices = first_indices(400);
    double first = 0, last = 0;
    for (std::uint32_t cycle = 0; cycle < 5; ++cycle) {
        last = train(trainer, cycle, indices).train_loss;
        if (cycle == 0) first = last;
    }
    EXPECT_LT(last, 0.9 * first);
}

TEST(Script, resumed_member_equals_uninterrupted_one) {
    const Script script(restless);
    const Images images(Images::small());
    const TrainerOptions options = trainer_options(script.name(), 20);
    Trainer one(options, images.dataset, images.split), other(options, images.dataset, images.split);
    const auto indices = first_indices(80);
    train(one, 0, indices);
    EXPECT_EQ(view_of(one.state().layout().back(), one.state().buffer()).item<float>(), 4); // batches seen
    other.load(one.copy_state());
    train(one, 1, indices);
    train(other, 1, indices);
    EXPECT_EQ(state_of(one), state_of(other));
    EXPECT_EQ(view_of(one.state().layout().back(), one.state().buffer()).item<float>(), 8);
}

TEST(Script, draws_are_a_function_of_the_cycle) {
    const Script script(restless);
    const Images images(Images::small());
    Trainer trainer(trainer_options(script.name(), 20), images.dataset, images.split);
    const std::vector<float> start = state_of(trainer);
    const auto after = [&](std::uint32_t cycle) {
        at::rand({static_cast<std::int64_t>(cycle) + 1});
        trainer.load(State::from_host(start, at::kCPU));
        train(trainer, cycle, first_indices(80));
        return state_of(trainer);
    };
    const auto once = after(0), other = after(1);
    EXPECT_EQ(once, after(0));
    EXPECT_NE(once, other);
}

TEST(Script, a_tensor_of_several_names_stays_one) {
    const Script script(
        "  x = torch.flatten(x, 1)\n"
        "  a = torch.matmul(x, self.weight)\n"
        "  return a - torch.matmul(x, self.tied) + a - torch.matmul(x, self.all[1])\n",
        [](torch::jit::Module& module) {
            const at::Tensor weight = module.attr("weight").toTensor();
            module.register_parameter("tied", weight, false);
            module.register_attribute("all", c10::ListType::ofTensors(), c10::List<at::Tensor>({weight, weight}));
        });
    const auto network = make_network(script.name(), small, 10);
    const FlatState state(*network, at::kCPU);
    EXPECT_THAT(names(state), ElementsAre("weight", "momentum.weight", "seen"));
    at::Tensor(state.parameters()).fill_(0.5);
    const at::Tensor logits = network->forward(at::ones({2, 3, 16, 16}));
    EXPECT_EQ(logits.abs().max().item<float>(), 0);
    logits.sum().backward();
    EXPECT_EQ(state.gradients().abs().max().item<float>(), 0);
}

TEST(Script, what_requires_no_gradient_is_not_trained) {
    const Script script(
        "  return torch.matmul(torch.flatten(x, 1), self.weight) + self.fixed\n",
        [](torch::jit::Module& module) { module.register_parameter("fixed", at::full({10}, 0.5), false); });
    const Images images(Images::small());
    Trainer trainer(trainer_options(script.name(), 20), images.dataset, images.split);
    EXPECT_THAT(names(trainer.state()), ElementsAre("weight", "momentum.weight", "seen", "fixed"));
    train(trainer, 0, first_indices(80));
    EXPECT_TRUE(view_of(trainer.state().layout().back(), trainer.state().buffer()).equal(at::full({10}, 0.5)));
}

TEST(Script, hash_is_that_of_the_file) {
    const Script script(linear);
    const std::string hash = script_hash(script.name());
    EXPECT_EQ(hash.size(), 16U);
    std::ofstream(Script::file(), std::ios::app) << ' ';
    EXPECT_NE(script_hash(script.name()), hash);
    EXPECT_EQ(script_hash("resnet8"), "");
}

std::string refusal(const std::string& name) {
    try {
        make_network(name, small, 10);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage);
        return error.what();
    }
    return "";
}

std::string refusal(const std::string& body, const ScriptChange& change) {
    return refusal(Script(body, change).name());
}

TEST(Script, network_that_cannot_be_trained_is_refused_with_the_reason) {
    const ScriptChange as_it_is;
    EXPECT_EQ(refusal(linear, as_it_is), "");
    EXPECT_THAT(refusal("  return torch.flatten(x, 1)\n", as_it_is), HasSubstr("gives [2, 768] for 2 examples"));
    EXPECT_THAT(refusal("  return (x, x)\n", as_it_is), HasSubstr("gives Tuple for 2 examples"));
    EXPECT_THAT(refusal("  return torch.matmul(x, self.weight)\n", as_it_is),
                HasSubstr("can't take examples of 16 x 16 x 3"));
    EXPECT_THAT(refusal("  return torch.matmul(torch.flatten(x, 1), self.weight).detach()\n", as_it_is),
                HasSubstr("has no gradient"));
    EXPECT_THAT(refusal("  y = torch.zeros([10], device=torch.device('cuda'))\n"
                        "  return torch.matmul(torch.flatten(x, 1), self.weight) + y\n",
                        as_it_is),
                HasSubstr("makes its tensors on the device of its input"));
    EXPECT_THAT(refusal(linear, [](auto& module) { module.attr("weight").toTensor().requires_grad_(false); }),
                HasSubstr("has no parameters to learn"));
    EXPECT_THAT(refusal(linear, [](auto& module) { module.register_buffer("wide", at::zeros({2}, at::kDouble)); }),
                HasSubstr("its wide is neither of float32 nor of whole numbers): convert it by network.float()"));
    EXPECT_THAT(refusal(linear,
                        [](auto& module) {
                            module.register_buffer("deep", at::zeros({1, 1, 1, 1, 1}));
                        }),
                HasSubstr("its deep has more than four dimensions"));
    EXPECT_THAT(refusal(std::string("  self.calls += 1\n") + linear,
                        [](auto& module) { module.register_attribute("calls", c10::IntType::get(), 0); }),
                HasSubstr("its calls is assigned while it runs"));
    EXPECT_THAT(refusal(std::string("  self.calls.append(1)\n") + linear,
                        [](auto& module) {
                            module.register_attribute("calls", c10::ListType::ofInts(), c10::List<std::int64_t>());
                        }),
                HasSubstr("its calls changes while it runs"));
    EXPECT_THAT(refusal(std::string("  self.seen = self.seen + 1\n") + linear, as_it_is),
                HasSubstr("its seen is assigned while it runs"));
    EXPECT_THAT(refusal(linear,
                        [](auto& module) {
                            module.register_attribute("kept", c10::ListType::ofTensors(),
                                                      c10::List<at::Tensor>({at::zeros({3})}));
                        }),
                HasSubstr("its kept holds tensors and is none"));
}

TEST(Script, dropout_that_goes_by_a_constant_is_told_from_one_that_goes_by_training) {
    const auto ignores = [](const std::string& training) {
        return ignores_training(Script("  h = torch.dropout(torch.flatten(x, 1), 0.5, " + training +
                                       ")\n"
                                       "  return torch.matmul(h, self.weight)\n")
                                    .name());
    };
    EXPECT_FALSE(ignores("self.training"));
    EXPECT_TRUE(ignores("False"));
    EXPECT_FALSE(ignores_training("resnet8"));
}

TEST(Script, file_that_is_none_is_refused) {
    EXPECT_THAT(refusal("torchscript:/no/such/file.pt"), HasSubstr("can't be read"));
    const std::string file = Script::file();
    std::ofstream(file) << "text";
    EXPECT_THAT(refusal("torchscript:" + file), HasSubstr("is no TorchScript file"));
    std::filesystem::remove(file);
}

} // namespace
} // namespace autosampling
